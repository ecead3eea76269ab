package frontend

import (
	"context"
	"slices"

	"lambdabase/internal/panics"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// checkCaps are what the daemon must be able to, to have a check of layers as a step that their merge is behind.
var checkCaps = []apicaps.CapID{pb.CapMergeOp, pb.CapDiffOp, pb.CapExecMountContentCache, pb.CapExecMetaNetwork}

// checker returns the program that checks layers; nil where there is none to run, and layers are looked at.
func (r *request) checker(ctx context.Context) *lambda2llb.Checker {
	checker, err := r.checkers.Do(ctx, "", func(ctx context.Context) (*lambda2llb.Checker, error) {
		caps := r.bc.BuildOpts().LLBCaps
		if slices.ContainsFunc(checkCaps, func(c apicaps.CapID) bool { return caps.Supports(c) != nil }) {
			return nil, nil
		}
		self, err := r.currentFrontend()
		if self == nil || err != nil {
			return nil, err
		}
		c := &lambda2llb.Checker{Image: *self, Platform: ocispecs.Platform{OS: "linux", Architecture: r.daemonPlatform().Architecture}}
		_, err = r.solve(ctx, c.Program(r.constraints...), c.Platform, true)
		return c, err
	})
	if err != nil {
		return nil
	}
	return checker
}

// layersChecker is the checker, where it can tell all that there is to be known of the layers.
func (a *assembler) layersChecker(ctx context.Context) *lambda2llb.Checker {
	if a.gating == noGate || len(a.plan.Layers) == 0 || len(a.plan.Exclude) > 0 {
		return nil
	}
	return a.checker(ctx)
}

// spareImported tells whether layers may be those of an imported cache, which are best left there. For an SBOM all are needed, by
// a step that stands on their merge: BuildKit v0.33.1 leaks records of one that is in its cache and is solved before that.
func (r *request) spareImported() bool { return len(r.bc.CacheImports) > 0 && r.bc.SBOM == nil }

// mergeUnseen merges layers without looking at them, which would have those of an imported cache pulled: what the step finds
// that looks at them is in the cache too. Where they must be looked at, it returns them solved, one by one.
func (a *assembler) mergeUnseen(ctx context.Context) (*lambda2llb.RootFS, []solvedLayer) {
	if !a.spareImported() {
		return nil, a.solveSeen(ctx)
	}
	checker := a.layersChecker(ctx)
	if checker == nil {
		return nil, a.solveLayers(ctx)
	}
	solved := a.solveEach(ctx, a.solveUnchecked)
	if slices.ContainsFunc(solved, func(s solvedLayer) bool { return s.err != nil }) {
		return nil, a.checkEach(ctx, solved)
	}
	check, gate, merged := a.checkedMerge(*checker)
	fs := a.rootFS(merged, true)
	if a.gating == splicedGate {
		fs.Gate = []llb.State{check, gate}
		return fs, nil
	}
	if _, err := a.solve(ctx, merged, a.plan.Platform, true); err == nil {
		return fs, nil
	}
	return nil, a.checkEach(ctx, solved)
}

// solveSeen solves layers that are looked at, and the program that checks them meanwhile.
func (a *assembler) solveSeen(ctx context.Context) (solved []solvedLayer) {
	group := panics.NewGroup()
	group.Go(func() error {
		a.layersChecker(ctx)
		return nil
	})
	solved = a.solveLayers(ctx)
	_ = group.Wait() // where the program fails, there is none
	return solved
}

// checkMeanwhile has the step run while the layers are looked at, so that it takes no time of its own.
func (a *assembler) checkMeanwhile(ctx context.Context) (wait func()) {
	group := panics.NewGroup()
	group.Go(func() error {
		checker := a.layersChecker(ctx)
		if checker == nil || a.spareImported() || len(a.nonEmptyLayers()) < len(a.layers) {
			return nil
		}
		check, _, _ := a.checkedMerge(*checker)
		_, err := a.solve(ctx, check, a.plan.Platform, true)
		return err
	})
	return func() { _ = group.Wait() } // an error comes again with the gate
}

// mergeSeen merges layers that were looked at as a build will that imports the cache of this one; false where that can't be.
func (a *assembler) mergeSeen(ctx context.Context, hasWorkdir bool) (llb.State, bool) {
	none := llb.Scratch()
	if !hasWorkdir || len(a.nonEmptyLayers()) < len(a.layers) || a.spareImported() { // then the gate was tried before
		return none, false
	}
	checker := a.layersChecker(ctx)
	if checker == nil {
		return none, false
	}
	_, gate, merged := a.checkedMerge(*checker)
	_, err := a.solve(ctx, gate, a.plan.Platform, true)
	return merged, err == nil
}

func (a *assembler) checkedMerge(checker lambda2llb.Checker) (check, gate, merged llb.State) {
	layers := a.nonEmptyLayers()
	check = a.convert.Check(layers, checker)
	gate = a.convert.Gate(check)
	return check, gate, a.convert.MergeChecked(layers, gate)
}
