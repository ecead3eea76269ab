package frontend

import (
	"context"
	"time"

	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
)

// chain unpacks each layer onto the one before, as the recipe says.
func (a *assembler) chain(ctx context.Context) (st llb.State, hasWorkdir bool, err error) {
	layers := a.nonEmptyLayers()
	if len(layers) == 0 {
		return llb.Scratch(), a.plan.Config.Config.WorkingDir == "/", nil
	}
	st = a.convert.Chain(layers)
	ref, err := a.solveChain(ctx, st)
	if err != nil {
		if err, again := a.chainError(ctx, err); !again {
			return st, false, err
		}
		return a.chain(ctx)
	}
	again, err := a.checkChain(ctx, ref)
	if err != nil {
		return st, false, err
	}
	if again || len(a.nonEmptyLayers()) < len(layers) { // which ones are empty is known only now: leave them out
		return a.chain(ctx)
	}
	hasWorkdir, err = a.hasWorkdir(ctx, ref)
	return st, hasWorkdir, err
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
		if err := a.prefetch(ctx, a.baseTimeout/2); err != nil && ctx.Err() == nil {
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

// checkChain checks what came of each layer; again tells that the chain is to be made once more.
func (a *assembler) checkChain(ctx context.Context, ref gateway.Reference) (again bool, err error) {
	for i := range a.plan.Layers {
		l := &a.plan.Layers[i]
		if l.Empty {
			continue
		}
		err := a.checkUnpacked(ctx, ref, l)
		if setUncached(err, l) {
			for j := range a.plan.Layers[i:] { // what is unpacked onto it is in the cache with it
				a.plan.Layers[i+j].Uncached = true
			}
			return true, nil
		}
		if err == nil {
			err = a.checkSize(ctx, l)
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

// chainError says which layer of a chain failed. Where it was an object that didn't arrive, all are fetched apart: what
// helps one is done there, and if that is enough, the chain is to be made again.
func (a *assembler) chainError(ctx context.Context, err error) (_ error, again bool) {
	if isFetchError(err) {
		return err, false
	}
	if errors.Is(err, errTimeout) {
		return a.chainTimeoutError(err), false
	}
	st := llb.Scratch()
	for _, l := range a.nonEmptyLayers() {
		source, derr := vertexDigest(ctx, a.convert.Fetch(l))
		if derr == nil && isVertexError(err, source) && !l.InContext {
			if a.prefetched {
				return a.fetchError(ctx, err, l), false
			}
			a.prefetched = true
			err := a.prefetch(ctx, 0)
			return err, err == nil
		}
		st = a.convert.Unpack(st, l)
		if unpack, derr := vertexDigest(ctx, st, llb.Platform(a.plan.Platform)); derr == nil && isVertexError(err, unpack) {
			return &unpackError{err, l, a.xz != nil}, false
		}
	}
	return errors.Wrapf(withDiskHint(err), "layers of %s", a.plan.Runtime), false
}

// chainTimeoutError is a chain whose time has passed though each object came in its own.
func (a *assembler) chainTimeoutError(err error) error {
	text := "one of these objects, or what unpacks them, takes too long"
	for _, l := range a.nonEmptyLayers() {
		if !l.InContext {
			text += "\n- " + (&fetchError{layer: l}).object()
		}
	}
	return errors.Wrapf(err, "layers of %s: %s\n", a.plan.Runtime, text)
}

// prefetch fetches every object by itself. Some of their time may have passed already.
func (a *assembler) prefetch(ctx context.Context, passed time.Duration) error {
	solved := a.solveEach(ctx, func(ctx context.Context, l *lambda2llb.Layer) (gateway.Reference, error) {
		return a.solveWithRetry(ctx, l, passed, func() llb.State { return a.convert.Fetch(*l) })
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return a.finalError(solved)
}
