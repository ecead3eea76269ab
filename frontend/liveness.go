package frontend

import (
	"context"
	"crypto/rand"
	"net/url"
	"time"

	"lambdabase/internal/panics"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
)

const (
	// probeTimeout is how long the server may take to say so.
	probeTimeout = 15 * time.Second
	// maxRounds is how many times gitTimeout git may take in all. A repository may be large and its line slow. And git may wait
	// for its turn: only one works for a repository at a time (the locker of source/git/source.go, BuildKit v0.33.1), and a
	// daemon with max-parallelism runs a source only once it has room (solver/jobs.go:1233).
	maxRounds = 30
	// maxUnprobedRounds is the same where whether the server is there can't be asked.
	maxUnprobedRounds = 10
)

// errTooSlow is the cause of a context whose time has passed though the server of its repository answers.
var errTooSlow = errors.New("the server is there, but too slow, or too many builds wait at once")

// whileResponsive calls what waits for a repository, and ends it where the server says nothing, or after all rounds.
func whileResponsive[T any](ctx context.Context, r *request, remote string, f func(context.Context) (T, error)) (T, error) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	go func() { end(panics.Do(func() error { return r.watchServer(ctx, remote) })) }()
	value, err := f(ctx)
	if cause := context.Cause(ctx); err != nil && isTimeout(cause) {
		err = cause
	}
	return value, err
}

func isTimeout(err error) bool { return errors.Is(err, errTimeout) || errors.Is(err, errTooSlow) }

// watchServer says why what waits for a repository is to be ended, once it is; nil if it has ended by itself.
func (r *request) watchServer(ctx context.Context, remote string) error {
	w := gitWatch{request: r, url: remote}
	var took time.Duration
	for next := r.gitTimeout; sleep(ctx, next); {
		took += next
		var limit time.Duration
		var reason error
		if limit, next, reason = w.check(ctx, next); took >= limit {
			return errors.Wrapf(reason, "not done in %s", took.Truncate(r.gitTimeout/4))
		}
	}
	return nil
}

// gitWatch looks from time to time how git gets on with a repository.
type gitWatch struct {
	*request
	url    string
	worked time.Duration // of the processor, up to the last look
}

// check tells how long git may take in all, when to look again, and why git isn't done yet.
func (w *gitWatch) check(ctx context.Context, since time.Duration) (limit, next time.Duration, reason error) {
	if silent, worked, known := w.activity(); known {
		// A connection may be silent since all has come, and git unpacks it: that takes far more of the processor than waiting.
		unpacks := worked-w.worked > since/200
		w.worked = worked
		switch {
		case silent < w.gitTimeout:
			return maxRounds * w.gitTimeout, w.gitTimeout - silent, errTooSlow
		case !unpacks:
			return 0, 0, errTimeout
		}
		return maxRounds * w.gitTimeout, w.gitTimeout, errTooSlow
	}
	reason, silent := w.probeServer(ctx, w.url)
	switch {
	case silent:
		limit = 0
	case errors.Is(reason, errTooSlow):
		limit = maxRounds * w.gitTimeout
	default:
		limit = maxUnprobedRounds * w.gitTimeout
	}
	return limit, w.gitTimeout, reason
}

// activity is that of the git in this process, whose connections can be looked at.
func (w *gitWatch) activity() (silent, worked time.Duration, known bool) {
	if w.gitActivity == nil {
		return 0, 0, false
	}
	return w.gitActivity((&url.URL{Host: hostOf(w.url)}).Hostname())
}

// probeServer asks the server of a repository for anything, and tells why git isn't done yet. It is silent only if the daemon waits for
// its answer in vain. Whether an SSH server is there can't be asked: such counts as neither.
func (r *request) probeServer(ctx context.Context, remote string) (reason error, silent bool) {
	u, err := url.Parse(remote)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return errTimeout, false
	}
	head := u.JoinPath("HEAD")
	head.User, head.RawQuery, head.Fragment = nil, "", ""
	ctx, cancel := withTimeout(ctx, probeTimeout)
	defer cancel()
	answers, err := r.probeMetadata(ctx, head)
	if err == nil && !answers {
		err = r.probeFile(ctx, head)
	}
	switch {
	case err == nil, httpStatusOf(err) > 0:
		return errTooSlow, false
	case errors.Is(context.Cause(ctx), errTimeout):
		return errTimeout, true
	}
	return errTimeout, false
}

// probeMetadata takes no room on a daemon with max-parallelism. A daemon before BuildKit v0.26 doesn't ask the server then, and
// has no answer either.
//
// What is asked for is small, which all refs may not be, and has another name each time, or BuildKit would repeat what it was
// answered before in this build (urlHash of source/http/source.go, v0.33.1). Credentials of the remote's URL and git's
// secrets aren't sent, but BuildKit sends those it has for an HTTP source of that host (HTTP_AUTH_TOKEN_host, HTTP_AUTH_HEADER_host).
func (r *request) probeMetadata(ctx context.Context, u *url.URL) (answers bool, err error) {
	op, err := sourceOp(ctx, llb.HTTP(u.String(), llb.Filename(rand.Text())))
	if err != nil {
		return false, err
	}
	meta, err := r.client.ResolveSourceMetadata(ctx, op, sourceresolver.Opt{LogName: probeName(u)})
	return err == nil && meta.HTTP != nil, err
}

// probeFile asks for one that isn't there. BuildKit asks for a source before it takes room for it (CacheMap and Exec of
// solver/jobs.go, v0.14.1 to v0.25.1): only what is there would wait for that, so that a server that answers anything with a
// page to sign in may be taken for a silent one on a daemon without room.
func (r *request) probeFile(ctx context.Context, u *url.URL) error {
	file := llb.HTTP(u.JoinPath(rand.Text()).String(), llb.WithCustomName(probeName(u)))
	def, err := file.Marshal(ctx, llb.WithCaps(r.bc.BuildOpts().LLBCaps))
	if err != nil {
		return errors.Wrap(err, "marshal definition")
	}
	_, err = r.client.Solve(ctx, gateway.SolveRequest{Definition: def.ToPB(), Evaluate: true})
	return err
}

func probeName(u *url.URL) string { return "[internal] ask whether " + u.Host + " answers" }
