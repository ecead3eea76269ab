package lfs

import (
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"lambdabase/internal/redact"

	"github.com/pkg/errors"
)

// session is one call of Fetch: the client with its defaults, and what is learned on the way.
type session struct {
	Client
	dir       string
	clock     Clock
	limits    Limits
	transport http.RoundTripper
	done      func()
	secrets   secrets
	servers   servers
	barren    atomic.Int64 // attempts in a row that got nowhere, of all objects
	reports   sync.Mutex
}

func (c *Client) session(dir string, objects map[string]Object) *session {
	s := &session{Client: *c, dir: dir, clock: c.Clock, limits: c.Limits.orDefaults(), transport: c.Transport, done: func() {}}
	s.secrets = secrets{open: objects, known: map[string]secrecy{}}
	if s.clock == nil {
		s.clock = wallClock{}
	}
	if s.transport == nil {
		t := NewTransport(s.limits.IdleTimeout)
		s.transport, s.done = t, t.CloseIdleConnections
	}
	if s.UserAgent == "" {
		s.UserAgent = "lambdabase"
	}
	return s
}

// fail is a failure that no other attempt mends, unless its fate is changed. where is what was asked; nil for nothing.
func (s *session) fail(kind Kind, where *url.URL, err error) *failure {
	e := &Error{Kind: kind, URL: s.secrets.hide(shownURL(where), given)}
	if err != nil {
		e.Err = &quiet{text: s.secrets.hide(redact.Text(err.Error()), given), cause: err}
	}
	return &failure{Error: e}
}

// ended is the failure of those that were under way when the call's context ended.
func (s *session) ended(cause error) *failure {
	return s.fail(Network, nil, cause)
}

// message is what a server says as it may be shown.
func (s *session) message(text string) string {
	return bounded(s.secrets.hide(oneLine(text), parameter))
}

// foreign is an error of net/http, whose text may have an URL in it, or what a server sent.
func (s *session) foreign(what string, err error) error {
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	return &quiet{text: what + ": " + s.message(err.Error()), cause: err}
}

func (s *session) patience() *patience { return &patience{session: s} }

func (s *session) expired(end time.Time) bool {
	return !end.IsZero() && !s.clock.Now().Add(expiryMargin).Before(end)
}
