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
func Build(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
	var res *gateway.Result
	err := guard(func() (err error) {
		res, err = build(ctx, c)
		return err
	})
	if err != nil {
		return nil, &said{err}
	}
	return res, nil
}

func build(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
	bc, err := dockerui.NewClient(c)
	if err != nil {
		return nil, err
	}
	if res, ok, err := bc.HandleSubrequest(ctx, dockerui.RequestHandler{}); ok || err != nil {
		return res, err
	}
	opts, err := ParseOptions(bc.BuildOpts().Opts)
	if err != nil {
		return nil, err
	}
	if bc.Target != "" {
		return nil, errors.Errorf("target %q makes no sense for a base image: a recipe has one stage", bc.Target)
	}
	req, err := newRequest(bc, opts)
	if err != nil {
		return nil, err
	}
	snap, err := req.snapshot(ctx, opts.Runtime, opts.Commit)
	if err != nil {
		return nil, err
	}
	rb, err := bc.Build(ctx, func(ctx context.Context, platform *ocispecs.Platform, _ int) (res *dockerui.BuildResult, err error) {
		return res, guard(func() (err error) {
			res, err = snap.build(ctx, platform)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return rb.Finalize()
}

// build makes the base image of one platform; nil is that of the daemon.
func (s *snapshot) build(ctx context.Context, platform *ocispecs.Platform) (*dockerui.BuildResult, error) {
	if platform == nil {
		platform = &s.bc.BuildPlatforms[0]
	}
	plan, err := s.plan(ctx, *platform)
	if err != nil {
		return nil, err
	}
	st, image, err := s.assemble(ctx, plan)
	if err != nil {
		return nil, err
	}
	ref, err := s.solve(ctx, st, *platform, false)
	if err != nil {
		return nil, errors.Wrapf(err, "layers of %s", plan.Runtime)
	}
	return &dockerui.BuildResult{Reference: ref, Image: image, Epoch: s.epoch}, nil
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

// guard makes an error of a panic, in the goroutine that it is called in: what is on a branch must not end the process.
func guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.Errorf("internal error: %v, please report it", r)
		}
	}()
	return f()
}
