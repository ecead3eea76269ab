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
	// patience is how long the objects of an image may take besides the time that their size takes at slowest bytes a
	// second. BuildKit's HTTP source has no time limit: a server that says nothing would hold a build for ever.
	patience = 5 * time.Minute
	slowest  = 64 << 10
)

// solveFetched solves what a state makes of the layer's object. What the object's server does to it is tried again, or
// got elsewhere, as far as that helps: the layer then says so, and the state must be made of it anew.
func (a *assembly) solveFetched(ctx context.Context, l *lambda2llb.Layer, state func() llb.State) (gateway.Reference, error) {
	for {
		source, err := vertexDigest(ctx, a.convert.Fetch(*l))
		if err != nil {
			return nil, err
		}
		ref, err := a.solveInTime(ctx, state())
		if err == nil || !failedAt(err, source) && !errors.Is(err, errStalled) {
			return ref, err
		}
		failed := a.fetchError(ctx, err, *l)
		if !a.again(ctx, l, failed) {
			return nil, failed
		}
	}
}

// timeFor is how long the objects of a plan may take.
func (r *request) timeFor(plan *lambda2llb.Plan) time.Duration {
	limit := r.patience
	for _, l := range plan.Layers {
		limit += time.Duration(l.Size/slowest) * time.Second
	}
	return limit
}

// errStalled is the cause of a context whose time has passed.
var errStalled = errors.New("no answer in time")

// solveInTime is solve with a limit to the time that objects may take.
func (a *assembly) solveInTime(ctx context.Context, st llb.State) (gateway.Reference, error) {
	ctx, cancel := limited(ctx, a.limit)
	defer cancel()
	ref, err := a.solve(ctx, st, a.plan.Platform, true)
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		return nil, errors.Wrapf(errStalled, "not done in %s", a.limit.Round(time.Millisecond))
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
