package sample

import (
	"io"
	"net/http"
	"net/http/cgi"
	"os/exec"
	"strings"
	"sync"
)

// Where things are served.
const (
	// RepositoryPath is where the repository is served, as on github.com.
	RepositoryPath = "/aws/aws-lambda-base-images.git"
	// ObjectsByPath is the stable URL form of GitHub's media host.
	ObjectsByPath = mediaPrefix + "{commit}/{path}"
	// ObjectsByOID and ObjectsByDir are the forms of a mirror.
	ObjectsByOID = "/objects/{oid}"
	ObjectsByDir = "/objects/{oid0}/{oid1}/{oid}"

	mediaPrefix = "/media/aws/aws-lambda-base-images/"
	storePrefix = "/lfs/"
)

// Server serves a repository and its LFS objects and keeps a log of it.
type Server struct {
	requestLog
	faults
	// OnRequest, if set before the first request, is told of each when it has ended.
	OnRequest func(Request)

	repository *Repository
	tokens     tokens

	mutex      sync.Mutex
	access     Access
	secondHost string
}

// NewServer is a handler for the paths in the package comment.
func NewServer(r *Repository) *Server {
	return &Server{repository: r}
}

// URLs of the repository and of its objects, as a template, on a server at base.
func (s *Server) URLs(base string) (repository, objects string) {
	return base + RepositoryPath, base + ObjectsByPath
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := s.parseRequest(r)
	fault := s.faultFor(c.Request)
	a := &faultWriter{ResponseWriter: w, ctx: r.Context(), log: &s.requestLog, request: s.add(c.Request), fault: fault}
	defer func() { // also after the panic that cuts a connection
		if s.OnRequest != nil {
			s.OnRequest(s.record(a.request, 0, 0))
		}
	}()
	fault.prepare(a, r)
	if s.redirect(a, r, c, fault.Redirect) || fault.respond(a) || s.checkAccess(a, r, c) {
		return
	}
	switch c.Kind {
	case Git:
		s.serveGit(a, r, c.path)
	case Batch:
		s.serveBatch(a, r, fault.Batch)
	case Object:
		s.serveObject(a, r, c.OID, fault)
	default:
		if r.URL.Path == signInPath {
			io.WriteString(a, Page().Body)
			return
		}
		http.NotFound(a, r)
	}
}

// parsedRequest is a request as the server understands it.
type parsedRequest struct {
	Request
	path string // the path inside the repository, or all of an object's
	hops *int   // how often it will be redirected once more; nil if it has not been
}

// parseRequest tells what is asked for. It takes what a redirect added off the request.
func (s *Server) parseRequest(r *http.Request) parsedRequest {
	c := parsedRequest{Request: Request{Method: r.Method, Host: r.Host, Path: r.URL.Path, RawQuery: r.URL.RawQuery, Header: r.Header.Clone()}}
	c.hops = hops(r)
	c.Kind, c.path = classify(r)
	if c.Kind == Object {
		c.OID = s.oidOf(c.path)
	}
	return c
}

// classify tells what is asked for; rest is the path inside the repository, or all of an object's.
func classify(r *http.Request) (kind Kind, path string) {
	for _, prefix := range []string{storePrefix, "/objects/", "/media/"} {
		if strings.HasPrefix(r.URL.Path, prefix) {
			return Object, r.URL.Path
		}
	}
	bare := strings.TrimSuffix(RepositoryPath, ".git")
	for _, root := range []string{RepositoryPath + "/", bare + "/"} {
		path, ok := strings.CutPrefix(r.URL.Path, root)
		switch {
		case !ok:
			continue
		case path == "info/lfs/objects/batch" && r.Method == http.MethodPost:
			return Batch, path
		case path == "info/refs" || path == "HEAD" || strings.HasPrefix(path, "HEAD/") || path == "git-upload-pack" || path == "git-receive-pack":
			return Git, path
		}
	}
	return Other, ""
}

// serveGit hands over to git itself, which knows its protocol best.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request, rest string) {
	program, err := exec.LookPath("git")
	if err != nil {
		http.Error(w, "git is not installed", http.StatusNotImplemented)
		return
	}
	inner := r.Clone(r.Context())
	inner.URL.Path = "/repo.git/" + rest
	environment := []string{"GIT_PROJECT_ROOT=" + s.repository.Dir, "GIT_HTTP_EXPORT_ALL=1"}
	(&cgi.Handler{Path: program, Args: []string{"http-backend"}, Root: "/",
		Env:    append(environment, gitEnv(r.Header.Get("Git-Protocol"))...),
		Stderr: io.Discard, // git says there what it tells the client too
	}).ServeHTTP(w, inner)
}

// gitEnv lets git speak the protocol asked for and read any repository: it may be another
// user's, as on a volume or in a test that runs as root.
func gitEnv(protocol string) []string {
	return []string{
		"GIT_PROTOCOL=" + protocol,
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
	}
}
