package frontend

import (
	"context"

	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
)

// Build answers one request: the base image of a runtime, or a Dockerfile.
func (f Frontend) Build(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
	res, err := recoverPanic(func() (*gateway.Result, error) { return f.build(ctx, c) })
	return res, toUserError(err)
}

func (f Frontend) build(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
	req, err := f.readRequest(ctx, c)
	if err != nil {
		return nil, err
	}
	if res, ok, err := req.handleSubrequest(ctx); ok {
		return res, err
	}
	if req.Runtime == "" {
		return req.buildDockerfile(ctx)
	}
	return req.buildBaseImage(ctx)
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
	r.warnSyntax(ctx, entry)
	return r, nil
}

// buildBaseImage builds the base image of the runtime for every platform that was asked for.
func (r *request) buildBaseImage(ctx context.Context) (*gateway.Result, error) {
	if res, ok, err := r.bc.HandleSubrequest(ctx, dockerui.RequestHandler{}); err != nil {
		return nil, err
	} else if ok {
		return addOwnSubrequests(res)
	}
	if r.bc.Target != "" {
		return nil, errors.Errorf("target %q makes no sense for a base image: a recipe has one stage", r.bc.Target)
	}
	snap, err := r.newSnapshot(ctx, r.remote, r.Runtime, r.Commit)
	if err != nil {
		return nil, err
	}
	r.warnEndOfSupport(ctx, snap, warning{})
	return r.buildPlatforms(ctx, snap.plan)
}
