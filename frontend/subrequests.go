package frontend

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"lambdabase/frontend/subrequests/lock"
	"lambdabase/frontend/subrequests/plan"
	"lambdabase/frontend/subrequests/runtimes"
	"lambdabase/internal/catalog"
	"lambdabase/internal/execstep/contract"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests"
	"github.com/pkg/errors"
)

// ownSubrequests are the sub-requests that are ours.
var ownSubrequests = []subrequests.Request{runtimes.Definition, plan.Definition, lock.Definition}

// subrequestOf is what is asked for in place of a build ("--call=check"). A client says the name of one of ours with "frontend."
// before it or, as buildctl's user does, without.
func subrequestOf(raw map[string]string) (name string, asked bool) {
	name, asked = raw["requestid"]
	if full := "frontend." + strings.TrimPrefix(name, "frontend."); isOwnSubrequest(full) {
		return full, asked
	}
	return name, asked
}

func isOwnSubrequest(name string) bool {
	return slices.ContainsFunc(ownSubrequests, func(r subrequests.Request) bool { return r.Name == name })
}

// needsContext tells whether the request is answered from a Dockerfile and its context.
func needsContext(opts Options, raw map[string]string) bool {
	call, _ := subrequestOf(raw)
	return opts.Runtime == "" && (!isOwnSubrequest(call) || call == lock.Name)
}

// planSubrequest answers lambda.plan.
func (r *request) planSubrequest(ctx context.Context) (*gateway.Result, error) {
	if r.Runtime == "" {
		return nil, errors.New("call lambda.plan needs option runtime (build argument LAMBDABASE_RUNTIME)")
	}
	snap, err := r.newSnapshot(ctx, r.remote, r.Runtime, r.Commit)
	if err != nil {
		return nil, err
	}
	d, err := snap.document(ctx, r.targetPlatforms()...)
	if err != nil {
		return nil, err
	}
	var plans []*lambda2llb.Plan
	for _, platform := range r.targetPlatforms() {
		p, err := snap.planOf(ctx, platform, d.Find(platform))
		if err != nil {
			return nil, err
		}
		if err := checkExclude(p); err != nil {
			return nil, err
		}
		plans = append(plans, p)
	}
	return plan.Result(d, plans)
}

// runtimesSubrequest answers lambda.runtimes: as the mirror or the repository has them, or from the catalog where no step can run.
func (r *request) runtimesSubrequest(ctx context.Context) (*gateway.Result, error) {
	if r.remote.isMirror() {
		found, err := r.mirroredRuntimes(ctx, r.remote.mirror)
		if err != nil {
			return nil, err
		}
		return runtimes.New(found).ToResult()
	}
	step, err := r.newStep(r.remote, "")
	if err != nil {
		return nil, err
	}
	var found []catalog.Runtime
	if step == nil {
		for _, name := range catalog.Names() {
			found = append(found, catalog.Runtime{Name: name, FromCatalog: true})
		}
	} else if found, err = r.listBranches(ctx, *step); err != nil {
		return nil, err
	}
	return runtimes.New(found).ToResult()
}

// listBranches asks the repository, in a step that is run each time.
func (r *request) listBranches(ctx context.Context, step lambda2llb.Step) ([]catalog.Runtime, error) {
	ctx, cancel := withTimeout(ctx, r.baseTimeout)
	defer cancel()
	ref, err := r.solveBranches(ctx, step)
	if errors.Is(context.Cause(ctx), errTimeout) {
		err = errors.Wrapf(errTimeout, "not done in %s", r.baseTimeout)
	}
	if err != nil {
		if isSessionLost(err) {
			err = &withMessage{cause: err, msg: err.Error() + sessionLostHint}
		} else if reason := r.stepFailure(ctx, err); reason != "" {
			err = &withMessage{cause: err, msg: reason}
		}
		return nil, errors.Wrapf(err, "branches of %s", r.remote.url)
	}
	dt, err := ref.ReadFile(ctx, gateway.ReadRequest{Filename: contract.BranchesFile})
	if err != nil {
		return nil, errors.Wrapf(err, "branches of %s", r.remote.url)
	}
	var found []catalog.Runtime
	return found, errors.Wrap(json.Unmarshal(dt, &found), "branches")
}

// solveBranches runs the step, and another one where a client that hangs holds it.
func (r *request) solveBranches(ctx context.Context, step lambda2llb.Step) (gateway.Reference, error) {
	opts := []llb.RunOption{llb.IgnoreCache}
	for attempt := 1; ; attempt++ {
		st := step.Run("list branches of "+r.remote.url, []string{"branches", "--repository=" + r.remote.url}, opts...)
		ref, err := r.solve(ctx, st, step.Platform, true)
		if err == nil || !isSessionLost(err) || attempt >= maxAttempts || !sleep(ctx, time.Duration(attempt*attempt)*r.retryDelay) {
			return ref, err
		}
		opts = []llb.RunOption{llb.IgnoreCache, step.Retry(attempt)}
	}
}

// addOwnSubrequests adds our sub-requests to those that a result describes.
func addOwnSubrequests(res *gateway.Result) (*gateway.Result, error) {
	var all []subrequests.Request
	if err := json.Unmarshal(res.Metadata["result.json"], &all); err != nil {
		return nil, errors.Wrap(err, "described calls")
	}
	dt, err := json.MarshalIndent(append(all, ownSubrequests...), "", "  ")
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	if err := subrequests.PrintDescribe(dt, &text); err != nil {
		return nil, err
	}
	res.Metadata["result.json"], res.Metadata["result.txt"] = dt, []byte(text.String())
	return res, nil
}
