package transfer

import (
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"lambdabase/internal/httpclient"
	"lambdabase/internal/lfs"
	"lambdabase/internal/redact"

	"github.com/pkg/errors"
)

// session is one call of Fetch: the client with its defaults, and what is learned on the way.
type session struct {
	Client
	dir             string
	clock           Clock
	limits          Limits
	transport       http.RoundTripper
	closeIdle       func()
	guards          map[string]*httpclient.Guard // by the host that the user named
	guardsMu        sync.Mutex
	secrets         secretMask
	serverCache     serverCache
	stalledAttempts atomic.Int64 // attempts in a row that got nowhere, of all objects
	progressMu      sync.Mutex
}

func (c *Client) newSession(dir string, objects map[string]lfs.Object) *session {
	s := &session{Client: *c, dir: dir, clock: c.Clock, limits: c.Limits.orDefaults(), transport: c.Transport, closeIdle: func() {}, guards: map[string]*httpclient.Guard{}}
	s.secrets = secretMask{public: objects, values: map[string]sensitivity{}}
	if s.clock == nil {
		s.clock = wallClock{}
	}
	if s.transport == nil {
		t := httpclient.NewTransport(s.limits.IdleTimeout)
		s.transport, s.closeIdle = t, t.CloseIdleConnections
	}
	if s.UserAgent == "" {
		s.UserAgent = "lambdabase"
	}
	return s
}

// guard is the transport for what began at a host.
func (s *session) guard(host string) *httpclient.Guard {
	s.guardsMu.Lock()
	defer s.guardsMu.Unlock()
	if s.guards[host] == nil {
		s.guards[host] = httpclient.NewGuard(s.transport, host)
	}
	return s.guards[host]
}

func (s *session) close() {
	for _, g := range s.guards {
		g.CloseIdleConnections()
	}
	s.closeIdle()
}

// newFailure returns one that no other attempt mends, unless its retry is set. u is what was asked; nil for nothing.
func (s *session) newFailure(kind Kind, u *url.URL, err error) *failure {
	e := &Error{Kind: kind, URL: s.secrets.hide(displayURL(u), serverCredential)}
	if err != nil {
		e.Err = &redactedError{text: s.secrets.hide(redact.Text(err.Error()), serverCredential), cause: err}
	}
	return &failure{Error: e}
}

// canceledFailure is the failure of those that were under way when the call's context ended.
func (s *session) canceledFailure(cause error) *failure {
	return s.newFailure(Network, nil, cause)
}

// sanitize makes what a server says fit to be shown.
func (s *session) sanitize(text string) string {
	return truncate(s.secrets.hide(oneLine(text), queryValue))
}

// transportError is an error of net/http, whose text may have a URL in it, or what a server sent.
func (s *session) transportError(what string, err error) error {
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	return &redactedError{text: what + ": " + s.sanitize(err.Error()), cause: err}
}

func (s *session) newRetryCounter() *retryCounter { return &retryCounter{session: s} }

func (s *session) isExpired(end time.Time) bool {
	return !end.IsZero() && !s.clock.Now().Add(expiryMargin).Before(end)
}
