package frontend

import (
	"cmp"
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/frontend/subrequests"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

const (
	// gitTimeout is how long git may take before its server is asked whether it is there. BuildKit's git has no time limit: a
	// server that says nothing would hold a build for ever.
	gitTimeout = time.Minute
	// gitRounds is how many times that long the commit and the tree of a runtime may take from a server that is there: only
	// one git at a time works for a repository (the locker of source/git/source.go, BuildKit v0.33.1), so that of many builds
	// at once the last one waits for all others.
	gitRounds = 5
	// contextRounds is that of a build context, which may be of any size.
	contextRounds = 30
)

// gitWait is how a request waits for a repository.
type gitWait struct {
	*request
	remote string
	rounds int
}

func (r *request) waitForGit() gitWait { return gitWait{r, r.Repository, gitRounds} }

// whileThere calls what waits for a repository, and ends it where the server says nothing.
func whileThere[T any](ctx context.Context, w gitWait, f func(context.Context) (T, error)) (T, error) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	rounds := 1
	go func() {
		for wait(ctx, w.gitTimeout) {
			if rounds == w.rounds || !w.isThere(ctx) {
				end(errStalled)
				return
			}
			rounds++
		}
	}()
	value, err := f(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		err = errors.Wrapf(errStalled, "not done in %s", time.Duration(rounds)*w.gitTimeout)
	}
	return value, err
}

// isThere asks the server for what git asks first. Whatever it answers will do; it gets no secret. An SSH server can't be
// asked, and so counts as being there.
func (w gitWait) isThere(ctx context.Context) bool {
	u, err := url.Parse(w.remote)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return true
	}
	u.User, u.Path, u.RawQuery = nil, strings.TrimSuffix(u.Path, "/")+"/info/refs", "service=git-upload-pack"
	ctx, cancel := limited(ctx, w.gitTimeout/4)
	defer cancel()
	_, err = w.solve(ctx, llb.HTTP(u.String(), llb.Filename("refs"), llb.WithCustomName("[internal] ask whether "+u.Host+" answers"), llb.IgnoreCache), ocispecs.Platform{}, true)
	return err == nil || ctx.Err() == nil
}

// loadContext gets a build context that is a URL of git, before anything waits for it without a limit. What else is wrong
// with it is BuildKit's to say.
func (f Frontend) loadContext(ctx context.Context, bc *dockerui.Client, opts Options) error {
	r := &request{bc: bc, client: bc.GatewayClient(), gitTimeout: cmp.Or(f.GitTimeout, gitTimeout)}
	ref, isGit := r.gitContext()
	if !isGit || opts.Runtime != "" || isOwnCall(r.call()) || r.call() == subrequests.RequestSubrequestsDescribe {
		return nil
	}
	st, err := bc.MainContext(ctx)
	if err != nil {
		return nil
	}
	_, err = whileThere(ctx, gitWait{r, ref.Remote, contextRounds}, func(ctx context.Context) (any, error) {
		op, err := sourceOp(ctx, *st)
		if err != nil {
			return nil, err
		}
		if _, err := r.client.ResolveSourceMetadata(ctx, op, sourceresolver.Opt{LogName: "resolve commit of the context"}); err != nil {
			return nil, err
		}
		return r.solve(ctx, *st, ocispecs.Platform{}, true)
	})
	if errors.Is(err, errStalled) {
		return errors.Wrap(err, "build context from git")
	}
	return nil
}
