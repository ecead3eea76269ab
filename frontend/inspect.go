package frontend

import (
	"context"
	"maps"
	"path"

	"lambdabase/llb/lambda2llb"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// UnpackedImage is a base image of one platform, to look into.
type UnpackedImage struct {
	Plan   *lambda2llb.Plan
	Layers []UnpackedLayer // those of the plan
}

// UnpackedLayer is what a layer has.
type UnpackedLayer struct {
	Files    map[string]*fstypes.Stat // by absolute paths
	ReadFile func(ctx context.Context, name string) ([]byte, error)
}

// Inspect is like Build, but unpacks each layer on its own, and answers what look makes of them.
func (f Frontend) Inspect(look func(context.Context, *UnpackedImage) (*gateway.Result, error)) gateway.BuildFunc {
	return func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		res, err := recoverPanic(func() (*gateway.Result, error) {
			r, err := f.readRequest(ctx, c)
			if err != nil {
				return nil, err
			}
			image, err := r.unpackImage(ctx)
			if err != nil {
				return nil, err
			}
			return look(ctx, image)
		})
		return res, toUserError(err)
	}
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

func (r *request) unpackLayers(ctx context.Context, plan *lambda2llb.Plan) ([]UnpackedLayer, error) {
	a, err := r.newAssembler(plan)
	if err != nil {
		return nil, err
	}
	solved := a.solveLayers(ctx)
	if err := a.finalError(solved); err != nil {
		return nil, err
	}
	var all []UnpackedLayer
	for _, s := range solved {
		if s.err != nil {
			return nil, s.err
		}
		l := UnpackedLayer{map[string]*fstypes.Stat{}, func(ctx context.Context, name string) ([]byte, error) {
			return s.ref.ReadFile(ctx, gateway.ReadRequest{Filename: name})
		}}
		if !s.layer.empty {
			if err := listAll(ctx, s.ref, "/", l.Files); err != nil {
				return nil, errors.Wrapf(err, "inspect %s", layerLabel(s.layer.Layer))
			}
			maps.DeleteFunc(l.Files, func(name string, _ *fstypes.Stat) bool { return isExcluded(plan, name) })
		}
		all = append(all, l)
	}
	return all, nil
}

// listAll puts all that is below a directory into files.
func listAll(ctx context.Context, ref gateway.Reference, dir string, files map[string]*fstypes.Stat) error {
	found, err := ref.ReadDir(ctx, gateway.ReadDirRequest{Path: dir})
	if err != nil {
		return err
	}
	for _, st := range found {
		name := path.Join(dir, path.Base(st.Path))
		files[name] = st
		if isDir(st) {
			if err := listAll(ctx, ref, name, files); err != nil {
				return err
			}
		}
	}
	return nil
}
