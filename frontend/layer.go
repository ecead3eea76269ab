package frontend

import (
	"context"
	"sync"
	"time"

	"lambdabase/internal/panics"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
)

// solvedLayer is a layer on its own: unpacked onto nothing.
type solvedLayer struct {
	layer *pendingLayer
	ref   gateway.Reference
	err   error
}

// solveLayers solves every layer on its own, all at once, before any merge is asked for. Doing so is also what makes an
// imported cache serve: a merge that misses would fetch each shared tarball again.
func (a *assembler) solveLayers(ctx context.Context) []solvedLayer {
	return a.solveEach(ctx, a.solveLayer)
}

// solveLayer unpacks a layer onto nothing, without what is left out of it, and checks what came of it.
func (a *assembler) solveLayer(ctx context.Context, l *pendingLayer) (gateway.Reference, error) {
	ref, err := a.solveUnchecked(ctx, l)
	if err != nil {
		return nil, err
	}
	return a.checkSolved(ctx, l, ref)
}

// solveUnchecked unpacks a layer and doesn't look at it: one of an imported cache stays where it is.
func (a *assembler) solveUnchecked(ctx context.Context, l *pendingLayer) (gateway.Reference, error) {
	ref, err := a.solveWithRetry(ctx, l, 0, func() llb.State { return a.convert.Apart(l.Attempt) })
	if err != nil {
		return nil, a.asUnpackError(ctx, err, l.Layer)
	}
	return &listedRef{Reference: ref}, nil
}

// checkSolved checks what came of a layer, which may have it unpacked once more.
func (a *assembler) checkSolved(ctx context.Context, l *pendingLayer, ref gateway.Reference) (gateway.Reference, error) {
	again, err := a.checkLayer(ctx, ref, l)
	if again {
		return a.solveLayer(ctx, l)
	}
	return ref, err
}

// checkEach checks layers that were solved unchecked.
func (a *assembler) checkEach(ctx context.Context, solved []solvedLayer) []solvedLayer {
	byLayer := make(map[*pendingLayer]solvedLayer, len(solved))
	for _, s := range solved {
		byLayer[s.layer] = s
	}
	return a.solveEach(ctx, func(ctx context.Context, l *pendingLayer) (gateway.Reference, error) {
		if s := byLayer[l]; s.err != nil {
			return nil, s.err
		}
		return a.checkSolved(ctx, l, byLayer[l].ref)
	})
}

// solveEach does something with each layer, all at once. One that fails for good ends the others soon.
func (a *assembler) solveEach(ctx context.Context, do func(context.Context, *pendingLayer) (gateway.Reference, error)) []solvedLayer {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	solved := make([]solvedLayer, len(a.layers))
	var wg sync.WaitGroup
	for i, l := range a.layers {
		wg.Go(func() {
			ref, err := panics.Recover(func() (gateway.Reference, error) { return do(ctx, l) })
			if err != nil && ctx.Err() != nil && !isFetchError(err) { // it is the context's, in whatever words
				err = context.Cause(ctx)
			}
			solved[i] = solvedLayer{layer: l, ref: ref, err: err}
			switch {
			case err == nil:
				a.timeouts.restart()
			case !a.isChainable(err):
				time.AfterFunc(a.grace, func() { cancel(errAbandoned) })
			}
		})
	}
	wg.Wait()
	return solved
}

// finalError is what has failed for good: all objects that couldn't be fetched, as one that fails doesn't hide the others,
// or else the first layer that couldn't be unpacked.
func (a *assembler) finalError(solved []solvedLayer) error {
	if err := joinFetchErrors(solved); err != nil {
		return err
	}
	for _, s := range solved {
		if s.err != nil && !a.isChainable(s.err) && !errors.Is(s.err, errAbandoned) {
			return s.err
		}
	}
	return nil
}

// isChainable tells whether a layer may well be unpacked onto the layers before it, though not onto nothing.
func (a *assembler) isChainable(err error) bool {
	var failed *unpackError
	return a.Layers != LayersMerge && errors.As(err, &failed) && failed.isChainable()
}

// joinFetchErrors returns all objects that couldn't be fetched.
func joinFetchErrors(solved []solvedLayer) error {
	var failed []*fetchError
	for _, s := range solved {
		if fetch := (*fetchError)(nil); errors.As(s.err, &fetch) {
			failed = append(failed, fetch)
		}
	}
	switch len(failed) {
	case 0:
		return nil
	case 1:
		return failed[0]
	}
	return &objectsError{failed}
}
