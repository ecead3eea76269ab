package transfer

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"

	"lambdabase/internal/httpclient"

	"github.com/pkg/errors"
)

// maxErrorBody bounds what is read of the body of an error.
const maxErrorBody = 64 << 10

// errIdleTimeout ends a request that nothing comes of.
var errIdleTimeout = errors.New("nothing arrived")

// httpRequest is a request before it is sent, and again after each redirect.
type httpRequest struct {
	method     string
	url        *url.URL
	namedHost  string      // by the user, whose server leads to the URL
	header     http.Header // for any server
	authHeader http.Header // for the server of the URL alone
	credential credential
	body       []byte
}

// httpResponse is a response whose body must be closed. Its request ends when nothing arrives for too long.
type httpResponse struct {
	*http.Response
	request     httpRequest // after redirects
	timer       *time.Timer
	idleTimeout time.Duration
	ctx         context.Context
	cancel      context.CancelCauseFunc
}

// resetTimer starts the wait for the next byte.
func (r *httpResponse) resetTimer() { r.timer.Reset(r.idleTimeout) }

// stalled reports whether the response was ended because nothing arrived.
func (r *httpResponse) stalled() bool { return errors.Is(context.Cause(r.ctx), errIdleTimeout) }

// close reads what little may be left, so that the connection can be used again.
func (r *httpResponse) close() {
	io.CopyN(io.Discard, r.Body, maxErrorBody)
	r.discard()
}

// discard ends the connection too, unless all was read.
func (r *httpResponse) discard() {
	r.Body.Close()
	r.timer.Stop()
	r.cancel(nil)
}

// peek reads the first so many bytes at most. A server can't draw it out byte by byte: the timer goes on.
func (r *httpResponse) peek(limit int64) []byte {
	dt, _ := io.ReadAll(io.LimitReader(r.Body, limit))
	return dt
}

// send makes one request, without following redirects.
func (s *session) send(parent context.Context, r httpRequest) (*httpResponse, *failure) {
	ctx, cancel := context.WithCancelCause(parent)
	timer := time.AfterFunc(s.limits.IdleTimeout, func() { cancel(errIdleTimeout) })
	res := &httpResponse{request: r, timer: timer, idleTimeout: s.limits.IdleTimeout, ctx: ctx, cancel: cancel}
	req, err := s.newHTTPRequest(ctx, r)
	if err == nil {
		res.Response, err = s.guard(r.namedHost).RoundTrip(req) //nolint:bodyclose // the caller does, by discard
	}
	if err == nil {
		res.resetTimer()
		return res, nil
	}
	defer cancel(nil)
	timer.Stop()
	return nil, s.networkFailure(parent, res, err)
}

func (s *session) newHTTPRequest(ctx context.Context, r httpRequest) (*http.Request, error) {
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), body)
	if err != nil {
		return nil, errors.New("malformed request")
	}
	req.Header = r.header.Clone()
	maps.Copy(req.Header, r.authHeader)
	req.Header.Set("User-Agent", s.UserAgent)
	s.secrets.addQuery(r.url)
	return req, nil
}

// networkFailure is that of a request without a response, or of a response that broke off.
func (s *session) networkFailure(parent context.Context, res *httpResponse, err error) *failure {
	if parent.Err() != nil {
		return s.canceledFailure(context.Cause(parent))
	}
	var forbidden *httpclient.ForbiddenError
	if errors.As(err, &forbidden) {
		return s.newFailure(Protocol, res.request.url, forbidden)
	}
	f := s.newFailure(Network, res.request.url, nil)
	f.retry = retryLater
	var certificate *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError // a server that doesn't speak it at all
	switch {
	case res.stalled():
		f.Err = errors.Errorf("no answer for %s", s.limits.IdleTimeout)
	case errors.As(err, &certificate), errors.As(err, &noTLS):
		f.retry = noRetry
		fallthrough
	default:
		f.Err = s.transportError("no answer", err)
	}
	return f
}
