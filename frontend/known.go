package frontend

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"lambdabase/internal/lfs"
	"lambdabase/internal/panics"
	"lambdabase/internal/rootfs"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	"github.com/opencontainers/go-digest"
)

// verdictKey names layers of which it was found that they are merged, with nothing else to be done: all that this depends on.
// It is empty where that isn't kept. The size of an object is compared or not by where the object comes from (mayDiffer).
func (a *assembler) verdictKey() string {
	workers := a.bc.BuildOpts().Workers
	isPlain := len(a.plan.Exclude) == 0 && len(a.bc.CacheImports) == 0 && len(a.constraints) == 0
	if a.verdicts == nil || len(workers) == 0 || !isPlain {
		return ""
	}
	type object struct {
		lfs.Pointer
		Compared bool
	}
	key := struct {
		Worker, Workdir string
		Objects         []object
	}{workers[0].ID, a.plan.Config.Config.WorkingDir, nil}
	for _, l := range a.layers {
		if !l.IsObject() {
			return ""
		}
		key.Objects = append(key.Objects, object{l.Pointer, a.mayDiffer(l.Origin)})
	}
	dt, err := json.Marshal(key)
	if err != nil {
		return ""
	}
	return digest.FromBytes(dt).Encoded()
}

// isKnown tells that a build before this one looked at the layers.
func (a *assembler) isKnown() bool {
	key := a.verdictKey()
	return key != "" && a.verdicts.Has(key)
}

// keepVerdict notes that layers were merged, unless something was found that the next build must look at too.
func (a *assembler) keepVerdict() {
	isOdd := func(l *pendingLayer) bool { return l.empty || l.Uncached || l.sizeUnknown }
	if key := a.verdictKey(); key != "" && !slices.ContainsFunc(a.layers, isOdd) {
		a.verdicts.Add(key)
	}
}

// mergeKnown merges layers that a build before this one looked at, if the cache has them merged. None of them is looked at but for
// an archive that was copied and not unpacked since. It returns nil where they are to be merged as if nothing was known. A base
// that something stands on, or an SBOM, is not to be solved before that (see spareImported).
func (a *assembler) mergeKnown(ctx context.Context) *lambda2llb.RootFS {
	if a.gating != solvedGate || a.bc.SBOM != nil || !a.isKnown() {
		return nil
	}
	merged := a.convert.Merge(a.nonEmptyLayers())
	root := a.solveCached(ctx, merged)
	if root == nil {
		return nil
	}
	for _, l := range a.plan.Layers {
		if copied, err := rootfs.Lookup(ctx, root, "/"+l.ArchiveName()); copied != nil || err != nil {
			return nil
		}
	}
	return a.rootFS(merged, true)
}

// solveCached solves what a cache should have; nil where it takes longer. It isn't broken off then, or what it has begun to fetch
// would be fetched again.
func (a *assembler) solveCached(ctx context.Context, st llb.State) rootfs.DirReader {
	solved := make(chan rootfs.DirReader, 1) // closed when it is over
	panics.NewGroup().Go(func() error {
		defer close(solved)
		ref, err := a.solve(ctx, st, a.plan.Platform, true)
		if err == nil {
			solved <- &listedRef{Reference: ref}
		}
		return err
	})
	select {
	case root := <-solved:
		return root
	case <-time.After(a.cacheTimeout):
		a.begun = solved
		return nil
	}
}

// awaitCached waits for what solveCached goes on with, where all of its layers are there: only their merge is left of it, which
// would be broken off as the request ends, and shown as CANCELED. What asks for an object that only another attempt brought may
// never end.
func (a *assembler) awaitCached(ctx context.Context) {
	isRepeated := func(l *pendingLayer) bool { return l.Number > 0 }
	if a.begun == nil || slices.ContainsFunc(a.layers, isRepeated) {
		return
	}
	select {
	case <-a.begun:
	case <-ctx.Done():
	}
}
