package frontend

import (
	"context"
	"path"

	"lambdabase/internal/lfs"
	"lambdabase/internal/recipe"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// buildContext is the build context as far as a recipe adds files of it.
type buildContext struct {
	state llb.State
	tree  *tree
	dir   string // of the tree
	sizes pointerSizes
}

// openContext opens the build context, which may be one of git; nil where it can't be read.
func (r *request) openContext(ctx context.Context, git *gitContext, adds []recipe.Add) (*buildContext, error) {
	if git != nil {
		return &buildContext{state: r.treeState(git.repo, git.commit), tree: git.tree, dir: git.dir}, nil
	}
	var sources []string
	for _, a := range adds {
		sources = append(sources, a.Source)
	}
	st, err := r.bc.MainContext(ctx, llb.FollowPaths(sources))
	if err != nil {
		return nil, nil
	}
	ref, err := r.solve(ctx, *st, ocispecs.Platform{}, true)
	if err != nil || ref == nil {
		return nil, ctx.Err()
	}
	return &buildContext{state: *st, tree: &tree{ref: ref}}, nil
}

// readLayers reads what a recipe adds: tarballs, and pointers, which have no origin yet. There are none where one is missing.
func (b *buildContext) readLayers(ctx context.Context, file lambda2llb.File, adds []recipe.Add) (layers []lambda2llb.Layer, err error) {
	for _, a := range adds {
		l, err := b.readLayer(ctx, a)
		if err != nil {
			return nil, wrapAddError(err, file, a)
		}
		if l == nil {
			return nil, nil
		}
		layers = append(layers, *l)
	}
	return layers, nil
}

// readLayer reads what an ADD's source in the context is: a pointer, or a tarball; nil where there is nothing.
func (b *buildContext) readLayer(ctx context.Context, add recipe.Add) (*lambda2llb.Layer, error) {
	name := path.Join(b.dir, add.Source)
	entry, err := b.tree.lookup(ctx, name)
	if err != nil || entry == nil {
		return nil, nil
	}
	l := &lambda2llb.Layer{Lines: add.Lines, Object: lfs.Object{Path: name}}
	dt, err := b.tree.readFile(ctx, name, lfs.MaxPointerSize-1)
	if err != nil || !lfs.IsPointer(dt) {
		l.Origin, l.Size = lambda2llb.ContextOrigin{State: b.state}, entry.Size
		return l, nil
	}
	if l.Pointer, err = lfs.ParsePointer(dt); err != nil {
		return nil, errors.Wrap(err, name)
	}
	return l, b.sizes.add(l.Object)
}
