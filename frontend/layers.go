package frontend

import (
	"context"
	"fmt"
	"strings"

	"lambdabase/internal/rootfs"
	"lambdabase/llb/lambda2llb"

	"github.com/pkg/errors"
)

// assemble gives the root filesystem that the recipe's ADDs make one after the other, and its WORKDIR. Merging is how that is
// done in parallel, and where merging wouldn't give the same, the layers are chained as the recipe says.
func (r *request) assemble(ctx context.Context, plan *lambda2llb.Plan, gating gating) (*lambda2llb.RootFS, error) {
	a, err := r.newAssembler(plan)
	if err != nil {
		return nil, err
	}
	a.gating = gating
	fs, err := a.mergeOrChain(ctx)
	if err != nil {
		return nil, withLockHint(err, plan)
	}
	a.awaitCached(ctx)
	if !fs.HasWorkdir {
		fs.State = a.convert.Workdir(fs.State)
	}
	return fs, nil
}

// mergeOrChain gives the ADDs alone.
func (a *assembler) mergeOrChain(ctx context.Context) (*lambda2llb.RootFS, error) {
	switch {
	case a.Layers == LayersChain:
		return a.chain(ctx)
	case !a.canMerge():
		return a.chainFor(ctx, []string{"this daemon can't merge (BuildKit before 0.10, or Docker's graphdriver store)"})
	}
	if fs := a.mergeKnown(ctx); fs != nil {
		return fs, nil
	}
	fs, solved := a.mergeUnseen(ctx)
	if fs != nil {
		return fs, nil
	}
	if ctx.Err() != nil {
		return nil, errors.Wrapf(context.Cause(ctx), "layers of %s", a.plan.Runtime)
	}
	if err := a.finalError(solved); err != nil {
		return nil, err
	}
	conflicts, err := a.conflictReasons(ctx, solved)
	switch {
	case err != nil:
		return nil, err
	case len(conflicts) == 0:
		return a.merge(ctx, solved)
	case a.Layers == LayersMerge:
		return nil, errors.Errorf("layers=merge would differ from the recipe of %s, layers=auto gives what it says: %s",
			a.plan.Runtime, strings.Join(conflicts[:min(len(conflicts), 5)], "; "))
	}
	return a.chainFor(ctx, conflicts)
}

// chainFor chains layers that can't be merged, and warns of it once that has given an image.
func (a *assembler) chainFor(ctx context.Context, reasons []string) (*lambda2llb.RootFS, error) {
	fs, err := a.chain(ctx)
	if err == nil {
		a.warnChain(ctx, reasons)
	}
	return fs, err
}

// conflictReasons returns the reasons why merging would differ from unpacking one onto the other.
func (a *assembler) conflictReasons(ctx context.Context, solved []solvedLayer) ([]string, error) {
	var dirs []rootfs.DirReader
	for _, s := range solved {
		if s.err != nil { // a hard link into an earlier layer, say: only the chain can tell
			return []string{s.err.Error()}, nil
		}
		if !s.layer.empty {
			dirs = append(dirs, s.ref)
		}
	}
	if a.isKnown() {
		return nil, nil
	}
	defer a.checkMeanwhile(ctx)()
	return findConflicts(ctx, dirs)
}

func (a *assembler) merge(ctx context.Context, solved []solvedLayer) (*lambda2llb.RootFS, error) {
	hasWorkdir := false
	for _, s := range solved {
		has, err := a.hasWorkdir(ctx, s.ref)
		if err != nil {
			return nil, err
		}
		if has {
			hasWorkdir = true
			break
		}
	}
	if err := a.excludeApart(ctx, solved); err != nil {
		return nil, err
	}
	if hasWorkdir {
		a.keepVerdict()
	}
	if st, ok := a.mergeSeen(ctx, hasWorkdir); ok {
		return a.rootFS(st, true), nil
	}
	return a.rootFS(a.convert.Merge(a.nonEmptyLayers()), hasWorkdir), nil
}

// warnChain warns that layers were not merged, and why: the build is slower, and shares less.
func (a *assembler) warnChain(ctx context.Context, reasons []string) {
	w := warning{
		text:   fmt.Sprintf("layers of %s are unpacked one onto the other: %s", a.plan.Runtime, reasons[0]),
		detail: "The image is right, but made more slowly, and its layers are not shared with other runtimes. " + strings.Join(reasons[:min(len(reasons), 5)], "; "),
	}
	w.vertex, _ = vertexDigest(ctx, a.convert.Fetch(a.layers[0].Attempt))
	a.warn(ctx, w)
}
