package faults

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"
)

// Server is a git host that goes wrong.
type Server struct {
	*githost.Server
	active active[targetedFault]

	mu         sync.Mutex
	secondHost string
}

type targetedFault struct {
	Target
	Fault
}

// New returns a handler as githost.New does, which does nothing wrong until it is told to.
func New(r *sample.Repository) *Server {
	s := &Server{}
	s.Server = githost.NewWithHooks(r, githost.Hooks{Rewrite: takeHops, Intercept: s.intercept, ServeContent: serveContent})
	return s
}

// Inject makes the targeted answers go wrong from now on.
func (s *Server) Inject(target Target, fault Fault) {
	s.active.inject(targetedFault{target, fault}, fault.Times)
}

// ClearFaults ends all faults.
func (s *Server) ClearFaults() { s.active.clear() }

// faultFor is the fault of the request at hand, and uses it up by one.
func (s *Server) faultFor(r githost.Request) Fault {
	f, _ := s.active.take(func(t targetedFault) bool {
		return t.Kind == r.Kind && (t.Target.OID == "" || t.Target.OID == r.OID) && strings.HasSuffix(r.Path, t.Path)
	})
	return f.Fault
}

// intercept does what the request's fault does before the answer, in its place and to it.
func (s *Server) intercept(w http.ResponseWriter, r *http.Request, request githost.Request, next http.Handler) {
	fault := s.faultFor(request)
	w = &faultWriter{ResponseWriter: w, ctx: r.Context(), fault: fault}
	fault.prepare(w, r)
	switch {
	case s.redirect(w, r, request, fault.Redirect) || fault.respond(w):
	case request.Path == signInPath:
		io.WriteString(w, Page().Body)
	case request.Kind == githost.Batch:
		s.serveBatch(w, r, fault.Batch, next)
	default:
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), faultKey{}, fault)))
	}
}

type faultKey struct{}

// faultOf is the fault that intercept has found for a request.
func faultOf(r *http.Request) Fault {
	fault, _ := r.Context().Value(faultKey{}).(Fault)
	return fault
}
