package frontend

import (
	"context"

	"lambdabase/internal/rootfs"
	"lambdabase/llb/lambda2llb"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
)

// UnpackedImage is a base image of one platform, to look into.
type UnpackedImage struct {
	Plan   *lambda2llb.Plan
	Layers []rootfs.Reader // those of the plan
}

// Inspect is like Build, but unpacks each layer on its own, and answers what look makes of them.
func (f Frontend) Inspect(look func(context.Context, *UnpackedImage) (*gateway.Result, error)) gateway.BuildFunc {
	return f.answer(func(r *request, ctx context.Context) (*gateway.Result, error) {
		image, err := r.unpackImage(ctx)
		if err != nil {
			return nil, err
		}
		return look(ctx, image)
	})
}

func (r *request) unpackImage(ctx context.Context) (*UnpackedImage, error) {
	snap, err := r.newSnapshot(ctx, r.remote, r.Runtime, r.Commit)
	if err != nil {
		return nil, err
	}
	targets := r.targetPlatforms()
	if len(targets) > 1 {
		return nil, errors.Errorf("one platform is inspected at a time, not %d", len(targets))
	}
	plan, err := snap.plan(ctx, targets[0])
	if err != nil {
		return nil, err
	}
	layers, err := r.unpackLayers(ctx, plan)
	return &UnpackedImage{plan, layers}, err
}

func (r *request) unpackLayers(ctx context.Context, plan *lambda2llb.Plan) ([]rootfs.Reader, error) {
	a, err := r.newAssembler(plan)
	if err != nil {
		return nil, err
	}
	solved := a.solveLayers(ctx)
	if err := a.finalError(solved); err != nil {
		return nil, err
	}
	var all []rootfs.Reader
	for _, s := range solved {
		switch {
		case s.err != nil:
			return nil, s.err
		case s.layer.empty:
			all = append(all, rootfs.Empty{})
		default:
			all = append(all, rootfs.Without(s.ref, func(name string) bool { return isExcluded(plan, name) }))
		}
	}
	return all, nil
}
