package frontend

import (
	"context"

	"lambdabase/internal/conflict"
	"lambdabase/internal/rootfs"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// excludeFromChain finds what is to be left out of each layer of a chain, by the whole chain. That shows what an archive brings,
// also through a symlink. It is done once; again tells that the chain is to be made without it.
func (a *assembler) excludeFromChain(ctx context.Context) (again bool, err error) {
	if a.chainCut || len(a.plan.Exclude) == 0 {
		return false, nil
	}
	a.chainCut = true
	st := llb.Scratch()
	var below chained
	for _, l := range a.layers {
		if l.empty {
			continue
		}
		st = a.convert.Unpack(st, l.Attempt)
		here := chained{}
		if here.ref, err = a.solveWithTimeout(ctx, st, a.totalTimeout(), 0); err != nil {
			return false, errors.Wrapf(err, "layers of %s", a.plan.Runtime)
		}
		if here.excluded, err = a.findExcluded(ctx, a.plan, here.ref); err != nil {
			return false, err
		}
		l.Exclude, l.Restore = here.excluded, below.excluded
		if l.brought, err = brought(ctx, here.excluded, below.ref, here.ref); err != nil {
			return false, err
		}
		if l.Gone, err = a.isGone(ctx, l, below.ref); err != nil {
			return false, err
		}
		again = again || len(l.Exclude) > 0
		below = here
	}
	return again, nil
}

// chained is a whole chain as far as one of its layers; without a ref there is none.
type chained struct {
	ref      gateway.Reference
	excluded []string // what it has of what is to be left out
}

// brought are the paths that stand otherwise than below.
func brought(ctx context.Context, paths []string, below, here gateway.Reference) (changed []string, err error) {
	for _, p := range paths {
		was, err := statIn(ctx, below, p)
		if err != nil {
			return nil, err
		}
		is, err := statIn(ctx, here, p)
		if err != nil {
			return nil, err
		}
		if was == nil || was.Mode != is.Mode || was.Size != is.Size || was.ModTime != is.ModTime {
			changed = append(changed, p)
		}
	}
	return changed, nil
}

// isGone tells whether nothing is left of a layer: no image has a directory of one that is as it was below but for its time. What
// the layer has is told by unpacking it apart; one that can't be is not gone.
func (a *assembler) isGone(ctx context.Context, l *pendingLayer, below gateway.Reference) (bool, error) {
	if len(l.brought) == 0 {
		return false, nil
	}
	ref, err := a.solveWithRetry(ctx, l, 0, func() llb.State { return a.convert.Unpack(llb.Scratch(), l.Attempt) })
	if err != nil {
		err = a.asUnpackError(ctx, err, l.Layer)
		if failed := (*unpackError)(nil); errors.As(err, &failed) && failed.isChainable() {
			return false, nil
		}
		return false, err
	}
	dirs, only, err := leftDirs(ctx, a.plan, ref)
	if err != nil || !only {
		return false, err
	}
	for dir, st := range dirs {
		was, err := statIn(ctx, below, dir)
		if err != nil || was == nil || conflict.Between([]*fstypes.Stat{was, st}) != "" {
			return false, err
		}
	}
	return true, nil
}

// statIn is a path in a chain, which may be that of no layers.
func statIn(ctx context.Context, ref gateway.Reference, name string) (*fstypes.Stat, error) {
	if ref == nil {
		return nil, nil
	}
	return rootfs.Lookup(ctx, ref, name)
}
