package frontend

import (
	"context"

	"lambdabase/frontend/subrequests/lock"
	"lambdabase/frontend/subrequests/plan"
	"lambdabase/frontend/subrequests/runtimes"
	"lambdabase/internal/panics"

	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests"
	"github.com/moby/buildkit/frontend/subrequests/convertllb"
	"github.com/pkg/errors"
)

// Build answers one request: the base image of a runtime, or a Dockerfile.
func (f Frontend) Build(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
	return f.answer((*request).build)(ctx, c)
}

// answer returns what reads a request and does something with it, and tells errors as a user reads them.
func (f Frontend) answer(do func(*request, context.Context) (*gateway.Result, error)) gateway.BuildFunc {
	return func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		res, err := panics.Recover(func() (*gateway.Result, error) {
			r, err := f.readRequest(ctx, c)
			if err != nil {
				return nil, err
			}
			return do(r, ctx)
		})
		if err != nil && ctx.Err() != nil { // or else it is told as whatever was broken off by that
			err = context.Cause(ctx)
		}
		return res, toUserError(err)
	}
}

func (r *request) build(ctx context.Context) (*gateway.Result, error) {
	if call, asked := subrequestOf(r.bc.BuildOpts().Opts); asked {
		return r.handleSubrequest(ctx, call)
	}
	if r.Runtime == "" {
		return r.buildDockerfile(ctx)
	}
	return r.buildBaseImage(ctx)
}

// handleSubrequest answers what is asked for in place of a build: itself, or as BuildKit's own frontend does.
func (r *request) handleSubrequest(ctx context.Context, call string) (*gateway.Result, error) {
	switch {
	case call == runtimes.Name:
		return r.runtimesSubrequest(ctx)
	case call == plan.Name:
		return r.planSubrequest(ctx)
	case call == lock.Name:
		return r.lockSubrequest(ctx)
	case call == convertllb.RequestConvertLLB && r.Runtime == "":
		return r.convertDockerfile(ctx)
	case call == subrequests.RequestSubrequestsDescribe:
		res, err := r.forwardSubrequest(ctx)
		if err != nil {
			return nil, err
		}
		return addOwnSubrequests(res)
	}
	return r.forwardSubrequest(ctx)
}

func (r *request) forwardSubrequest(ctx context.Context) (*gateway.Result, error) {
	if r.Runtime == "" {
		return r.callDockerfileFrontend(ctx, &baseImages{request: r})
	}
	res, _, err := r.bc.HandleSubrequest(ctx, dockerui.RequestHandler{})
	return res, err
}

func (f Frontend) readRequest(ctx context.Context, c gateway.Client) (*request, error) {
	bc, err := dockerui.NewClient(c)
	if err != nil {
		return nil, err
	}
	opts, err := ParseOptions(bc.BuildOpts().Opts)
	if err != nil {
		return nil, err
	}
	if err := f.loadGitContext(ctx, bc, opts); err != nil {
		return nil, err
	}
	entry := readEntrypoint(ctx, bc, opts)
	if entry.hasSyntax {
		if opts, err = entry.options(bc.BuildOpts().Opts); err != nil {
			return nil, err
		}
	}
	if err := f.Session.setRemote(&opts); err != nil {
		return nil, err
	}
	r, err := newRequest(bc, opts, f)
	if err != nil {
		return nil, err
	}
	r.dockerfile = entry.file
	if _, asked := subrequestOf(bc.BuildOpts().Opts); !asked {
		r.warnSyntax(ctx, entry)
	}
	return r, nil
}

// buildBaseImage builds the base image of the runtime for every platform that was asked for.
func (r *request) buildBaseImage(ctx context.Context) (*gateway.Result, error) {
	if r.bc.Target != "" {
		return nil, errors.Errorf("target %q makes no sense for a base image: a recipe has one stage", r.bc.Target)
	}
	snap, err := r.newSnapshot(ctx, r.remote, r.Runtime, r.Commit)
	if err != nil {
		return nil, err
	}
	r.warnEndOfSupport(ctx, snap, warning{})
	return r.buildPlatforms(ctx, r.epoch, snap.plan)
}
