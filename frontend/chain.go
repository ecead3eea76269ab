package frontend

import (
	"context"
	"time"

	"lambdabase/internal/panics"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
)

// chain unpacks each layer onto the one before, as the recipe says. What shows only then is put right by another chain: that
// an archive is empty, that an object has to be fetched otherwise, that a layer has to be unpacked anew, or what is to be left
// out of it.
func (a *assembler) chain(ctx context.Context) (*lambda2llb.RootFS, error) {
	for {
		layers := a.nonEmptyLayers()
		st := a.convert.Chain(layers)
		if st.Output() == nil { // nothing is in it
			return a.rootFS(st, a.plan.Config.Config.WorkingDir == "/"), nil
		}
		ref, again, err := a.tryChain(ctx, st)
		if err != nil {
			return nil, err
		}
		if again || len(a.nonEmptyLayers()) < len(layers) {
			continue
		}
		if again, err = a.excludeFromChain(ctx); err != nil {
			return nil, err
		}
		if again {
			continue
		}
		hasWorkdir, err := a.hasWorkdir(ctx, ref)
		return a.rootFS(st, hasWorkdir), err
	}
}

// tryChain solves a chain and checks what came of it; again tells that it is to be made once more.
func (a *assembler) tryChain(ctx context.Context, st llb.State) (ref gateway.Reference, again bool, err error) {
	if ref, err = a.solveChain(ctx, st); err != nil {
		again, err = a.chainError(ctx, err)
		return nil, again, err
	}
	again, err = a.checkChain(ctx, ref)
	return ref, again, err
}

// solveChain solves a chain. A chain is done when all is, and that may take long. So after a while each object is asked for
// apart, which fetches nothing that is there or on its way: one that doesn't come in its own time ends the chain, by name.
func (a *assembler) solveChain(ctx context.Context, st llb.State) (gateway.Reference, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if !sleep(ctx, a.baseTimeout/2) {
			return
		}
		if err := panics.Do(func() error { return a.prefetch(ctx, a.baseTimeout/2) }); err != nil && ctx.Err() == nil {
			cancel(err)
		}
	}()
	ref, err := a.solveWithTimeout(ctx, st, a.totalTimeout()+a.baseTimeout/2, 0)
	cause := context.Cause(ctx)
	cancel(nil)
	<-watched
	if err != nil && isFetchError(cause) {
		return nil, cause
	}
	return ref, err
}

// checkChain checks what came of each layer.
func (a *assembler) checkChain(ctx context.Context, ref gateway.Reference) (again bool, err error) {
	for i, l := range a.layers {
		if l.empty {
			continue
		}
		again, err := a.checkLayer(ctx, ref, l)
		if again {
			for _, later := range a.layers[i:] { // what is unpacked onto it is in the cache with it
				later.Uncached = true
			}
		}
		if again || err != nil {
			return again, err
		}
	}
	return false, nil
}

// chainError says which layer of a chain failed. Where it was an object that didn't arrive, all are fetched apart: what
// helps one is done there, and if that is enough, the chain is to be made again.
func (a *assembler) chainError(ctx context.Context, err error) (again bool, _ error) {
	if isFetchError(err) {
		return false, err
	}
	if errors.Is(err, errTimeout) {
		return false, a.chainTimeoutError(err)
	}
	stack := lambda2llb.NewStack()
	for _, l := range a.nonEmptyLayers() {
		source, derr := vertexDigest(ctx, a.convert.Fetch(l))
		if derr == nil && l.IsObject() && isErrorOfObject(err, source, l.Layer) {
			if a.prefetched {
				return false, a.newFetchError(ctx, err, l)
			}
			a.prefetched = true
			err := a.prefetch(ctx, 0)
			return err == nil, err
		}
		stack = a.convert.Stack(stack, l)
		for _, st := range []llb.State{stack.State, stack.Whole} {
			if unpack, derr := vertexDigest(ctx, st, llb.Platform(a.plan.Platform)); derr == nil && isVertexError(err, unpack) {
				return false, a.newUnpackError(ctx, err, l.Layer)
			}
		}
	}
	return false, errors.Wrapf(withDiskHint(err), "layers of %s", a.plan.Runtime)
}

// chainTimeoutError is a chain whose time has passed though each object came in its own.
func (a *assembler) chainTimeoutError(err error) error {
	text := "one of these objects, or what unpacks them, takes too long"
	for _, l := range a.nonEmptyLayers() {
		if l.IsObject() {
			text += "\n- " + (&fetchError{layer: l.Layer}).object()
		}
	}
	return errors.Wrapf(err, "layers of %s: %s\n", a.plan.Runtime, text)
}

// prefetch fetches every object by itself. Some of their time may have passed already.
func (a *assembler) prefetch(ctx context.Context, passed time.Duration) error {
	solved := a.solveEach(ctx, func(ctx context.Context, l *pendingLayer) (gateway.Reference, error) {
		return a.solveWithRetry(ctx, l, passed, func() llb.State { return a.convert.Fetch(l.Attempt) })
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return a.finalError(solved)
}
