package sample

import (
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path"
	"strings"
	"time"
)

const (
	// RepositoryPath is where the repository is served, as on github.com.
	RepositoryPath = "/aws/aws-lambda-base-images.git"
	// ObjectsByPath is the stable URL form of GitHub's media host.
	ObjectsByPath = mediaFolder + "{commit}/{path}"
	// ObjectsByOID and ObjectsByFolder are the forms of a mirror.
	ObjectsByOID    = "/objects/{oid}"
	ObjectsByFolder = "/objects/{oid0}/{oid1}/{oid}"
	// Signature stands in each URL of the batch API, which GitHub signs for an hour: where it turns
	// up besides, a secret has leaked.
	Signature = "5a4d9ba7c1e0sample"

	mediaFolder = "/media/aws/aws-lambda-base-images/"
)

// Server serves a repository and its LFS objects and keeps a log of it.
type Server struct {
	requestLog
	faults
	// OnRequest, if set before the first request, is told of each when it has ended.
	OnRequest func(Request)

	repository *Repository
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
	kind, rest := classify(r)
	request := Request{Method: r.Method, Path: r.URL.Path, Kind: kind, Header: r.Header.Clone()}
	if kind == Object {
		request.OID = s.resolve(rest)
	}
	fault := s.next(kind, request.OID)
	a := &answer{ResponseWriter: w, log: &s.requestLog, request: s.begin(request), left: fault.Cut}
	defer func() { // also after the panic that cuts a connection
		if s.OnRequest != nil {
			s.OnRequest(s.note(a.request, 0, 0))
		}
	}()
	if fault.begin(a, r) {
		return
	}
	switch kind {
	case Git:
		s.git(a, r, rest)
	case Batch:
		s.batch(a, r)
	case Object:
		s.object(a, r, request.OID, fault)
	default:
		http.NotFound(a, r)
	}
}

// classify tells what is asked for; rest is the path inside the repository, or all of an object's.
func classify(r *http.Request) (kind Kind, rest string) {
	for _, folder := range []string{"/lfs/", "/objects/", "/media/"} {
		if strings.HasPrefix(r.URL.Path, folder) {
			return Object, r.URL.Path
		}
	}
	bare := strings.TrimSuffix(RepositoryPath, ".git")
	for _, root := range []string{RepositoryPath + "/", bare + "/"} {
		rest, ok := strings.CutPrefix(r.URL.Path, root)
		switch {
		case !ok:
			continue
		case rest == "info/lfs/objects/batch" && r.Method == http.MethodPost:
			return Batch, rest
		case rest == "info/refs" || rest == "HEAD" || rest == "git-upload-pack" || rest == "git-receive-pack":
			return Git, rest
		}
	}
	return Other, ""
}

// git hands over to git itself, which knows its protocol best.
func (s *Server) git(w http.ResponseWriter, r *http.Request, rest string) {
	program, err := exec.LookPath("git")
	if err != nil {
		http.Error(w, "git is not installed", http.StatusNotImplemented)
		return
	}
	inner := r.Clone(r.Context())
	inner.URL.Path = "/repo.git/" + rest
	(&cgi.Handler{Path: program, Args: []string{"http-backend"}, Root: "/", Env: []string{
		"GIT_PROJECT_ROOT=" + s.repository.Dir,
		"GIT_HTTP_EXPORT_ALL=1",
		"GIT_PROTOCOL=" + r.Header.Get("Git-Protocol"),
		// The repository may be another user's: a volume, or a test that runs as root.
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
	}}).ServeHTTP(w, inner)
}

// resolve finds the oid that an object's URL means; empty if it means none.
func (s *Server) resolve(url string) string {
	if file, ok := strings.CutPrefix(url, mediaFolder); ok {
		commit, name, _ := strings.Cut(file, "/")
		oid, _ := s.repository.pointedAt(commit, name)
		return oid
	}
	oid := path.Base(url)
	if !isOID(oid) {
		return ""
	}
	switch url {
	case "/lfs/" + oid, "/objects/" + oid, "/objects/" + oid[:2] + "/" + oid[2:4] + "/" + oid:
		return oid
	}
	return ""
}

// object serves with ranges, and with the oid as the entity tag.
func (s *Server) object(w http.ResponseWriter, r *http.Request, oid string, fault Fault) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "objects are only read", http.StatusMethodNotAllowed)
		return
	}
	name, err := s.repository.Object(oid)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	file, err := os.Open(name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		http.Error(w, "object", http.StatusInternalServerError)
		return
	}
	w.Header().Set("ETag", `"`+oid+`"`)
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, fault.bend(file, info.Size()))
}
