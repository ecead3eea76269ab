package frontend

import (
	"context"
	"fmt"
	"time"

	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/pkg/errors"
)

// maxAttempts at an object's own URL. A step that asks the batch API has more of its own, and resumes what was cut; it is
// another step where a client that hangs holds this one.
const maxAttempts = 3

// solveWithRetry solves what a state makes of the layer's object. What the object's server does to it is tried again, or
// got elsewhere, as far as that helps: the attempt then says so, and the state is made of it anew. Some of the
// object's time may have passed already.
func (a *assembler) solveWithRetry(ctx context.Context, l *pendingLayer, passed time.Duration, state func() llb.State) (gateway.Reference, error) {
	var failed *fetchError
	for {
		source, err := vertexDigest(ctx, a.convert.Fetch(l.Attempt))
		if err != nil {
			return nil, err
		}
		ref, err := a.solveWithTimeout(ctx, state(), a.fetchTimeout(l.Layer), passed)
		if err != nil && failed != nil && errors.Is(context.Cause(ctx), errAbandoned) {
			return nil, failed
		}
		if err != nil && ctx.Err() != nil { // whatever it is: it is not the object's
			return nil, context.Cause(ctx)
		}
		if err == nil || !isErrorOfObject(err, source, l.Layer) && !errors.Is(err, errTimeout) {
			return ref, err
		}
		reason := a.newFetchError(ctx, err, l.Attempt)
		if failed == nil || ctx.Err() == nil { // else the server wasn't asked for it to the end
			failed = reason
		}
		if !a.prepareRetry(ctx, l, failed) {
			return nil, failed
		}
	}
}

// fetchTimeout is how long an object may take. It has its share of the line for as long as the others need it: those that are
// smaller have arrived by the time that it has as many bytes itself.
func (a *assembler) fetchTimeout(l lambda2llb.Layer) time.Duration {
	var size int64
	for _, o := range a.plan.Layers {
		if o.IsObject() {
			size += min(o.Size, l.Size)
		}
	}
	return a.baseTimeout + transferTime(size)
}

// totalTimeout is how long all objects may take together.
func (a *assembler) totalTimeout() time.Duration {
	var size int64
	for _, l := range a.plan.Layers {
		size += l.Size
	}
	return a.baseTimeout + transferTime(size)
}

// solveWithTimeout is solve with a limit to the time that objects may take, of which some may have passed.
func (a *assembler) solveWithTimeout(ctx context.Context, st llb.State, timeout, passed time.Duration) (gateway.Reference, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer a.timeouts.start(timeout-passed, func() { cancel(errTimeout) })()
	ref, err := a.solve(ctx, st, a.plan.Platform, true)
	if err != nil && errors.Is(context.Cause(ctx), errTimeout) {
		return nil, errors.Wrapf(errTimeout, "not done in %s", timeout.Round(time.Millisecond))
	}
	return ref, err
}

// prepareRetry tells whether the object is to be asked for once more, and sets how.
func (a *assembler) prepareRetry(ctx context.Context, l *pendingLayer, failed *fetchError) bool {
	url, isURL := l.Origin.(lambda2llb.HTTPOrigin)
	if !isURL {
		return failed.transient && a.nextAttempt(ctx, l)
	}
	if failed.isRefusal() && url.Fallback != nil && a.canBatch {
		a.warnFallback(ctx, l.Attempt, url, failed)
		l.Origin, l.Number = url.Fallback, 0
		return true
	}
	if failed.isRefusal() && url.Fallback != nil && a.batchErr != nil {
		failed.reason = errors.Errorf("%v (and the LFS batch API can't be asked: %v)", failed.reason, a.batchErr)
	}
	caps := a.bc.BuildOpts().LLBCaps
	return failed.transient && caps.Supports(pb.CapSourceHTTPHeader) == nil && a.nextAttempt(ctx, l)
}

// nextAttempt has the layer be asked for as another source or step, after a while; false if that was done enough.
func (a *assembler) nextAttempt(ctx context.Context, l *pendingLayer) bool {
	if l.Number+1 >= maxAttempts {
		return false
	}
	l.Number++
	return sleep(ctx, time.Duration(l.Number*l.Number)*a.retryDelay)
}

// errAbandoned is the cause of a context whose layer isn't needed any more, as another has failed.
var errAbandoned = errors.New("another layer failed")

// warnFallback warns of an object that its own URL doesn't give, and that the batch API is asked for.
func (a *assembler) warnFallback(ctx context.Context, l lambda2llb.Attempt, url lambda2llb.HTTPOrigin, failed *fetchError) {
	w := warning{
		text:   fmt.Sprintf("%s answers with status %d: objects are asked for by the LFS batch API", hostOf(url.Address), failed.status),
		detail: "Repositories may have a quota for that. objects=lfs asks for all of them so from the start; a mirror is named with objects= too.",
	}
	w.vertex, _ = vertexDigest(ctx, a.convert.Fetch(l))
	a.warn(ctx, w)
}
