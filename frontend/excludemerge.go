package frontend

import (
	"context"
	"slices"

	"lambdabase/internal/rootfs"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// excludeApart leaves out what is to be left out of layers that were unpacked apart and are not in conflict. Layers that have
// nothing of it stay as they are, and so are shared with every other build.
func (a *assembler) excludeApart(ctx context.Context, solved []solvedLayer) error {
	if len(a.plan.Exclude) == 0 {
		return nil
	}
	for i, s := range solved {
		if s.layer.empty {
			continue
		}
		var err error
		if s.layer.Exclude, err = a.findExcluded(ctx, a.plan, s.ref); err != nil {
			return err
		}
		s.layer.brought = s.layer.Exclude
		if len(s.layer.Exclude) > 0 {
			if s.layer.Gone, err = a.isRedundant(ctx, solved, i); err != nil {
				return err
			}
		}
	}
	again := a.solveEach(ctx, func(ctx context.Context, l *pendingLayer) (gateway.Reference, error) {
		if len(l.Exclude) == 0 || l.Gone {
			return nil, nil
		}
		return a.solveLayer(ctx, l)
	})
	if err := a.finalError(again); err != nil {
		return err
	}
	for _, s := range again {
		if s.err != nil {
			return s.err
		}
	}
	return nil
}

// isRedundant tells whether the image is the same without the layer: nothing is left of it but directories that others have, and
// their time is another layer's anyway. As there is no conflict, they are alike in all else.
func (a *assembler) isRedundant(ctx context.Context, solved []solvedLayer, i int) (bool, error) {
	dirs, only, err := leftDirs(ctx, a.plan, solved[i].ref)
	if err != nil || !only {
		return false, err
	}
	for dir, st := range dirs {
		later, err := lastWith(ctx, solved[i+1:], dir)
		if err != nil {
			return false, err
		}
		earlier, err := lastWith(ctx, solved[:i], dir)
		if err != nil {
			return false, err
		}
		if later == nil && (earlier == nil || earlier.ModTime != st.ModTime) {
			return false, nil
		}
	}
	return true, nil
}

// lastWith is a path in the last of the layers that has it; nil if none has.
func lastWith(ctx context.Context, layers []solvedLayer, name string) (*fstypes.Stat, error) {
	for _, s := range slices.Backward(layers) {
		if s.layer.empty || s.layer.Gone {
			continue
		}
		if st, err := rootfs.Lookup(ctx, s.ref, name); st != nil || err != nil {
			return st, err
		}
	}
	return nil, nil
}
