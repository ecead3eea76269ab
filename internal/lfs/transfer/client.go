package transfer

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"lambdabase/internal/httpclient"
	"lambdabase/internal/lfs"
)

// Client gets objects by the batch API of Git LFS and its basic transfer
// (https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md).
type Client struct {
	// Endpoint is asked before the first batch of a call of Fetch, and again once what it gave has expired.
	Endpoint func(ctx context.Context) (Endpoint, error)
	// ObjectURL is where an object is served by itself: then no batch API is asked. May be nil.
	ObjectURL func(o lfs.Object) string
	// Authorization is the value of that header for requests to a URL, and what the user calls the credential, e.g.
	// "secret GIT_AUTH_TOKEN"; both empty where there is none. May be nil.
	Authorization func(u *url.URL) (value, name string)
	// Hint returns what to do where a credential is missing or was refused. May be nil.
	Hint func(u *url.URL) string
	// Transport is that of net/http with time limits if nil.
	Transport http.RoundTripper
	// Clock is the real one if nil.
	Clock  Clock
	Limits Limits
	// OnProgress is called while bytes arrive, and when an object is complete; one call after the other. May be nil.
	OnProgress func(Progress)
	UserAgent  string
	// Answers are of one endpoint, and shared by the clients that ask it. Nil: each call asks by itself.
	Answers *Answers
}

// Limits bound how long a server is waited for. Zero values stand for the defaults.
type Limits struct {
	MaxAttempts         int           // in a row without a new byte: 5. In all, with less than 1 MiB each: four times as many
	IdleTimeout         time.Duration // without a byte or an answer: 30 s
	MaxRetryDelay       time.Duration // longest wait between two attempts: 60 s. A server that asks for more is not waited for
	ConcurrentTransfers int           // objects at a time: 8
	LockTimeout         time.Duration // that somebody holds who doesn't get on with the object: 10 s. In all, six times as long
}

func (l Limits) orDefaults() Limits {
	if l.MaxAttempts <= 0 {
		l.MaxAttempts = 5
	}
	if l.IdleTimeout <= 0 {
		l.IdleTimeout = httpclient.IdleTimeout
	}
	if l.MaxRetryDelay <= 0 {
		l.MaxRetryDelay = time.Minute
	}
	if l.ConcurrentTransfers <= 0 {
		l.ConcurrentTransfers = 8
	}
	if l.LockTimeout <= 0 {
		l.LockTimeout = 10 * time.Second
	}
	return l
}

// Clock is what tells the time and lets it pass.
type Clock interface {
	Now() time.Time
	// Sleep ends early with an error when ctx does.
	Sleep(ctx context.Context, d time.Duration) error
}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
