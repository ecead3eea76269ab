package githost

import (
	"io"
	"net/http"
	"sync/atomic"

	"lambdabase/internal/sample"
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
	// OnRequest, if set before the first request, is told of each when it has ended.
	OnRequest func(Request)

	repository *sample.Repository
	hooks      Hooks
	tokens     tokens
	access     atomic.Pointer[Access]
}

// Hooks change what a server does, for tests: none of it is in this package. One that is nil changes nothing.
type Hooks struct {
	// Rewrite is the first to see a request, and gives the one that is answered and logged.
	Rewrite func(r *http.Request) *http.Request
	// Intercept stands between the log and the answer, which next gives.
	Intercept func(w http.ResponseWriter, r *http.Request, request Request, next http.Handler)
	// ServeContent sends an object.
	ServeContent func(w http.ResponseWriter, r *http.Request, object *io.SectionReader)
}

// New returns a handler for the paths in the package comment.
func New(r *sample.Repository) *Server {
	return NewWithHooks(r, Hooks{})
}

// NewWithHooks returns a handler that the hooks change.
func NewWithHooks(r *sample.Repository, hooks Hooks) *Server {
	return &Server{repository: r, hooks: hooks}
}

// URLs returns those of the repository and of its objects, as a template, on a server at base.
func (s *Server) URLs(base string) (repository, objects string) {
	return base + RepositoryPath, base + ObjectsByPath
}

// BaseURL returns the URL of the server as the client of a request sees it.
func BaseURL(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.hooks.Rewrite != nil {
		r = s.hooks.Rewrite(r)
	}
	p := s.parseRequest(r)
	request := s.add(p.Request)
	defer func() { // also after the panic that cuts a connection
		if s.OnRequest != nil {
			s.OnRequest(s.record(request, 0, 0))
		}
	}()
	logged := &logWriter{ResponseWriter: w, log: &s.requestLog, request: request}
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, p) })
	if s.hooks.Intercept != nil {
		s.hooks.Intercept(logged, r, p.Request, next)
		return
	}
	next(logged, r)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, p parsedRequest) {
	if !s.checkAccess(w, r, p) {
		return
	}
	switch p.Kind {
	case Git:
		s.serveGit(w, r, p.path)
	case Batch:
		s.serveBatch(w, r)
	case Object:
		s.serveObject(w, r, p.OID)
	default:
		http.NotFound(w, r)
	}
}
