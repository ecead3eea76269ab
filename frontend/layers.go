package frontend

import (
	"context"
	"fmt"
	"strings"

	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// assemble gives the root filesystem that the recipe's ADDs make one after the other, and the image's config. Merging is
// how that is done in parallel, and where merging wouldn't give the same, the layers are chained as the recipe says.
func (r *request) assemble(ctx context.Context, plan *lambda2llb.Plan) (llb.State, *dockerspec.DockerOCIImage, error) {
	a, err := r.newAssembler(plan)
	if err != nil {
		return llb.State{}, nil, err
	}
	st, hasWorkdir, err := a.mergeOrChain(ctx)
	if err != nil {
		return llb.State{}, nil, err
	}
	if !hasWorkdir {
		st = a.convert.Workdir(st)
	}
	return st, plan.ImageConfig(!hasWorkdir), nil
}

// mergeOrChain gives the ADDs alone, and whether the working directory came with them.
func (a *assembler) mergeOrChain(ctx context.Context) (st llb.State, hasWorkdir bool, err error) {
	switch {
	case a.Layers == LayersChain:
		return a.chain(ctx)
	case !a.canMerge():
		return a.chainFor(ctx, []string{"this daemon can't merge (BuildKit before 0.10, or Docker's graphdriver store)"})
	}
	solved := a.solveLayers(ctx)
	if ctx.Err() != nil {
		return st, false, errors.Wrapf(context.Cause(ctx), "layers of %s", a.plan.Runtime)
	}
	if err := a.finalError(solved); err != nil {
		return st, false, err
	}
	conflicts, err := a.findConflicts(ctx, solved)
	switch {
	case err != nil:
		return st, false, err
	case len(conflicts) == 0:
		return a.merge(ctx, solved)
	case a.Layers == LayersMerge:
		return st, false, errors.Errorf("layers=merge would differ from the recipe of %s, layers=auto gives what it says: %s",
			a.plan.Runtime, strings.Join(conflicts[:min(len(conflicts), 5)], "; "))
	}
	return a.chainFor(ctx, conflicts)
}

// chainFor chains layers that can't be merged, and warns of it once that has given an image.
func (a *assembler) chainFor(ctx context.Context, reasons []string) (st llb.State, hasWorkdir bool, err error) {
	st, hasWorkdir, err = a.chain(ctx)
	if err == nil {
		a.warnChain(ctx, reasons)
	}
	return st, hasWorkdir, err
}

// findConflicts returns the reasons why merging would differ from unpacking one onto the other.
func (a *assembler) findConflicts(ctx context.Context, solved []solvedLayer) ([]string, error) {
	var dirs []dirReader
	for _, s := range solved {
		if s.err != nil { // a hard link into an earlier layer, say: only the chain can tell
			return []string{s.err.Error()}, nil
		}
		if !s.layer.Empty {
			dirs = append(dirs, s.ref)
		}
	}
	return findConflicts(ctx, dirs)
}

func (a *assembler) merge(ctx context.Context, solved []solvedLayer) (st llb.State, hasWorkdir bool, err error) {
	for _, s := range solved {
		has, err := a.hasWorkdir(ctx, s.ref)
		if err != nil {
			return st, false, err
		}
		if has {
			hasWorkdir = true
			break
		}
	}
	return a.convert.Merge(a.nonEmptyLayers()), hasWorkdir, nil
}

// warnChain warns that layers were not merged, and why: the build is slower, and shares less.
func (a *assembler) warnChain(ctx context.Context, reasons []string) {
	w := warning{
		text:   fmt.Sprintf("layers of %s are unpacked one onto the other: %s", a.plan.Runtime, reasons[0]),
		detail: "The image is right, but made more slowly, and its layers are not shared with other runtimes. " + strings.Join(reasons[:min(len(reasons), 5)], "; "),
	}
	w.vertex, _ = vertexDigest(ctx, a.convert.Fetch(a.plan.Layers[0]))
	a.warn(ctx, w)
}
