// Package frontend is the BuildKit frontend: it answers a gateway request. The way of the data is the way of the files:
// options, commit, tree, plan, layers, and the result that BuildKit exports.
package frontend

import (
	"context"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// Build answers one request: a base image for every platform that was asked for.
func Build(ctx context.Context, c gateway.Client) (_ *gateway.Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.Errorf("internal error: %v, please report it", r)
		}
		if err != nil {
			err = &said{err}
		}
	}()
	bc, err := dockerui.NewClient(c)
	if err != nil {
		return nil, err
	}
	opts, err := ParseOptions(bc.BuildOpts().Opts)
	if err != nil {
		return nil, err
	}
	if res, ok, err := bc.HandleSubrequest(ctx, dockerui.RequestHandler{}); ok || err != nil {
		return res, err
	}
	if bc.Target != "" {
		return nil, errors.Errorf("target %q makes no sense for a base image: a recipe has one stage", bc.Target)
	}
	req, err := newRequest(bc, opts)
	if err != nil {
		return nil, err
	}
	snap, err := req.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	rb, err := bc.Build(ctx, func(ctx context.Context, platform *ocispecs.Platform, _ int) (*dockerui.BuildResult, error) {
		if platform == nil {
			platform = &bc.BuildPlatforms[0]
		}
		plan, err := snap.plan(ctx, *platform)
		if err != nil {
			return nil, err
		}
		st, image, err := req.assemble(ctx, plan)
		if err != nil {
			return nil, err
		}
		ref, err := req.solve(ctx, st, *platform, false)
		if err != nil {
			return nil, errors.Wrapf(err, "layers of %s", plan.Runtime)
		}
		return &dockerui.BuildResult{Reference: ref, Image: image, Epoch: req.epoch}, nil
	})
	if err != nil {
		return nil, err
	}
	return rb.Finalize()
}

// solve marshals a state and solves it, with the request's cache imports: without them a build that could be imported
// is done again.
func (r *request) solve(ctx context.Context, st llb.State, platform ocispecs.Platform, evaluate bool) (gateway.Reference, error) {
	def, err := st.Marshal(ctx, llb.Platform(platform), llb.WithCaps(r.bc.BuildOpts().LLBCaps))
	if err != nil {
		return nil, errors.Wrap(err, "marshal definition")
	}
	res, err := r.client.Solve(ctx, gateway.SolveRequest{
		Definition:   def.ToPB(),
		Evaluate:     evaluate,
		CacheImports: r.bc.CacheImports,
	})
	if err != nil {
		return nil, err
	}
	return res.SingleRef()
}
