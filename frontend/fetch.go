package frontend

import (
	"context"
	"fmt"
	"slices"
	"time"

	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/pkg/errors"
)

const (
	// attempts at an object's own URL. A step that asks the batch API has more of its own, and resumes what was cut; it is
	// another step where a client that hangs holds this one.
	attempts = 3
	// patience is how long an object may take besides the time that its size takes at slowest bytes a second. BuildKit's HTTP source has no time limit: a server that says nothing would hold a build for ever.
	patience = 5 * time.Minute
	slowest  = 64 << 10
)

// solveFetched solves what a state makes of the layer's object. What the object's server does to it is tried again, or
// got elsewhere, as far as that helps: the layer then says so, and the state must be made of it anew. Some of the
// object's time may have passed already.
func (a *assembly) solveFetched(ctx context.Context, l *lambda2llb.Layer, passed time.Duration, state func() llb.State) (gateway.Reference, error) {
	var failed *fetchError
	for {
		source, err := vertexDigest(ctx, a.convert.Fetch(*l))
		if err != nil {
			return nil, err
		}
		ref, err := a.solveInTime(ctx, state(), a.timeFor(l), passed)
		if err != nil && failed != nil && errors.Is(context.Cause(ctx), errAbandoned) {
			return nil, failed
		}
		if err != nil && ctx.Err() != nil { // whatever it is: it is not the object's
			return nil, context.Cause(ctx)
		}
		if err == nil || !failedAt(err, source) && !errors.Is(err, errStalled) {
			return ref, err
		}
		reason := a.fetchError(ctx, err, *l)
		if failed == nil || ctx.Err() == nil { // else the server wasn't asked for it to the end
			failed = reason
		}
		if !a.again(ctx, l, failed) {
			return nil, failed
		}
	}
}

// timeFor is how long an object may take. It has its share of the line for as long as the others need it: those that are
// smaller have arrived by the time that it has as many bytes itself.
func (a *assembly) timeFor(l *lambda2llb.Layer) time.Duration {
	var size int64
	for i := range a.plan.Layers {
		if o := &a.plan.Layers[i]; !o.InContext { // not a copy: others write into theirs
			size += min(o.Size, l.Size)
		}
	}
	return a.patience + transferTime(size)
}

// timeForAll is how long all objects may take together.
func (a *assembly) timeForAll() time.Duration {
	var size int64
	for i := range a.plan.Layers {
		size += a.plan.Layers[i].Size
	}
	return a.patience + transferTime(size)
}

func transferTime(size int64) time.Duration { return time.Duration(size/slowest) * time.Second }

// errStalled is the cause of a context whose time has passed.
var errStalled = errors.New("no answer in time")

// solveInTime is solve with a limit to the time that objects may take, of which some may have passed.
func (a *assembly) solveInTime(ctx context.Context, st llb.State, limit, passed time.Duration) (gateway.Reference, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer a.clocks.start(limit-passed, func() { cancel(errStalled) })()
	ref, err := a.solve(ctx, st, a.plan.Platform, true)
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		return nil, errors.Wrapf(errStalled, "not done in %s", limit.Round(time.Millisecond))
	}
	return ref, err
}

// limited is a context that ends with errStalled. It has no deadline: gRPC would tell it to the daemon, whose own error
// may come first.
func limited(ctx context.Context, limit time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(limit, func() { cancel(errStalled) })
	return ctx, func() { timer.Stop(); cancel(nil) }
}

// again tells whether the object is to be asked for once more, and notes in the layer how.
func (a *assembly) again(ctx context.Context, l *lambda2llb.Layer, failed *fetchError) bool {
	if l.URL == "" {
		return failed.passing && a.asAnother(ctx, l)
	}
	if failed.refused() && a.plan.Fallback && a.batch {
		a.warnFallback(ctx, *l, failed)
		l.URL, l.Attempt = "", 0
		return true
	}
	if failed.refused() && a.plan.Fallback && a.noBatch != nil {
		failed.reason = errors.Errorf("%v (and the LFS batch API can't be asked: %v)", failed.reason, a.noBatch)
	}
	caps := a.bc.BuildOpts().LLBCaps
	return failed.passing && caps.Supports(pb.CapSourceHTTPHeader) == nil && a.asAnother(ctx, l)
}

// asAnother has the layer be asked for as another source or step, after a while; false if that was done enough.
func (a *assembly) asAnother(ctx context.Context, l *lambda2llb.Layer) bool {
	if l.Attempt+1 >= attempts {
		return false
	}
	l.Attempt++
	return wait(ctx, time.Duration(l.Attempt*l.Attempt)*a.pause)
}

// wait is false if the request has ended.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// fetchError is a layer whose object didn't arrive.
type fetchError struct {
	layer   lambda2llb.Layer
	reason  error
	status  int  // of the server, if it said one
	passing bool // may be over when asked again
}

func (e *fetchError) Error() string { return fmt.Sprintf("fetch %s: %v", e.object(), e.reason) }

func (e *fetchError) Unwrap() error { return e.reason }

func isFetchError(err error) bool {
	return errors.As(err, new(*fetchError)) || errors.As(err, new(*objectsError))
}

func (e *fetchError) object() string {
	if e.layer.URL == "" {
		return describe(e.layer)
	}
	return describe(e.layer) + " from " + e.layer.URL
}

// refused tells whether another way to the object may be open.
func (e *fetchError) refused() bool {
	switch e.status {
	case 401, 403, 404, 410, 429:
		return true
	}
	return false
}

// objectsError is several objects that couldn't be fetched. It stands where its first stands in the recipe.
type objectsError struct{ failed []*fetchError }

// Error says what is the same for all objects once.
func (e *objectsError) Error() string {
	reason := e.failed[0].reason.Error()
	one := !slices.ContainsFunc(e.failed, func(f *fetchError) bool { return f.reason.Error() != reason })
	msg := fmt.Sprintf("%d objects failed", len(e.failed))
	if one {
		msg += ": " + reason
	}
	for _, f := range e.failed {
		msg += "\n- " + f.object()
		if !one {
			msg += ": " + f.reason.Error()
		}
	}
	return msg
}

func (e *objectsError) Unwrap() error { return e.failed[0] }
