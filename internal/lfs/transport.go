package lfs

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/pkg/errors"
)

// maxPage bounds what is read of the body of an error.
const maxPage = 64 << 10

// errIdle ends a request that nothing comes of.
var errIdle = errors.New("nothing arrived")

// call is a request before it is sent, and again after each redirect.
type call struct {
	method  string
	url     *url.URL
	header  http.Header // for any server
	private http.Header // for the server of the URL alone
	carried credential
	body    []byte
}

// answer is a response whose body must be closed. Its request ends when nothing arrives for too long.
type answer struct {
	*http.Response
	call  call // after redirects
	timer *time.Timer
	idle  time.Duration
	ctx   context.Context
	end   context.CancelCauseFunc
}

// alive starts the wait for the next byte.
func (a *answer) alive() { a.timer.Reset(a.idle) }

// stalled tells whether the answer was ended because nothing arrived.
func (a *answer) stalled() bool { return errors.Is(context.Cause(a.ctx), errIdle) }

// close reads what little may be left, so that the connection can be used again.
func (a *answer) close() {
	io.CopyN(io.Discard, a.Body, maxPage)
	a.abandon()
}

// abandon ends the connection too, unless all was read.
func (a *answer) abandon() {
	a.Body.Close()
	a.timer.Stop()
	a.end(nil)
}

// begin is the first so many bytes at most. A server can't draw it out byte by byte: the timer goes on.
func (a *answer) begin(most int64) []byte {
	dt, _ := io.ReadAll(io.LimitReader(a.Body, most))
	return dt
}

// send makes one request, without following redirects.
func (s *session) send(parent context.Context, c call) (*answer, *failure) {
	ctx, end := context.WithCancelCause(parent)
	timer := time.AfterFunc(s.limits.IdleTimeout, func() { end(errIdle) })
	a := &answer{call: c, timer: timer, idle: s.limits.IdleTimeout, ctx: ctx, end: end}
	req, err := s.request(ctx, c)
	if err == nil {
		a.Response, err = s.transport.RoundTrip(req)
	}
	if err == nil {
		a.alive()
		return a, nil
	}
	defer end(nil)
	timer.Stop()
	return nil, s.broken(parent, a, err)
}

func (s *session) request(ctx context.Context, c call) (*http.Request, error) {
	var body io.Reader
	if c.body != nil {
		body = bytes.NewReader(c.body)
	}
	req, err := http.NewRequestWithContext(ctx, c.method, c.url.String(), body)
	if err != nil {
		return nil, errors.New("malformed request")
	}
	req.Header = c.header.Clone()
	maps.Copy(req.Header, c.private)
	req.Header.Set("User-Agent", s.UserAgent)
	s.secrets.addQuery(c.url)
	return req, nil
}

// broken is a request without an answer, or an answer that broke off.
func (s *session) broken(parent context.Context, a *answer, err error) *failure {
	if parent.Err() != nil {
		return s.ended(context.Cause(parent))
	}
	f := s.fail(Network, a.call.url, nil)
	f.fate = again
	var certificate *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError // a server that doesn't speak it at all
	switch {
	case a.stalled():
		f.Err = errors.Errorf("no answer for %s", s.limits.IdleTimeout)
	case errors.As(err, &certificate), errors.As(err, &noTLS):
		f.fate = final
		fallthrough
	default:
		f.Err = s.foreign("no answer", err)
	}
	return f
}
