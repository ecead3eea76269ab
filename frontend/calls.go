package frontend

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"lambdabase/frontend/subrequests/plan"
	"lambdabase/frontend/subrequests/runtimes"
	"lambdabase/internal/branches"
	"lambdabase/internal/catalog"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// ownCalls are the sub-requests that are ours.
var ownCalls = []subrequests.Request{runtimes.Definition, plan.Definition}

// answer answers a sub-request that is ours. A client says its name with "frontend." before it or, as buildctl's user
// does, without.
func (r *request) answer(ctx context.Context) (res *gateway.Result, ok bool, err error) {
	switch "frontend." + strings.TrimPrefix(r.call(), "frontend.") {
	case runtimes.Name:
		res, err = r.runtimes(ctx)
	case plan.Name:
		res, err = r.planned(ctx)
	default:
		return nil, false, nil
	}
	return res, true, err
}

// planned answers lambda.plan.
func (r *request) planned(ctx context.Context) (*gateway.Result, error) {
	if r.Runtime == "" {
		return nil, errors.New("call lambda.plan needs option runtime (build argument LAMBDABASE_RUNTIME)")
	}
	if _, err := r.template(); err != nil {
		return nil, err
	}
	snap, err := r.snapshot(ctx, r.Runtime, r.Commit)
	if err != nil {
		return nil, err
	}
	targets := r.bc.TargetPlatforms
	if len(targets) == 0 {
		targets = r.bc.BuildPlatforms[:1]
	}
	var plans []*lambda2llb.Plan
	for _, platform := range targets {
		p, err := snap.plan(ctx, platform)
		if err != nil {
			return nil, err
		}
		plans = append(plans, p)
	}
	return plan.New(plans).ToResult()
}

// runtimes answers lambda.runtimes: as the repository has them, or from the catalogue where no step can run.
func (r *request) runtimes(ctx context.Context) (*gateway.Result, error) {
	self, err := r.ownImage()
	if err != nil {
		return nil, err
	}
	var found []branches.Runtime
	if self == nil {
		for _, name := range catalog.Names() {
			found = append(found, branches.Runtime{Name: name})
		}
	} else if found, err = r.branches(ctx, *self); err != nil {
		return nil, err
	}
	list := runtimes.List{}
	for _, f := range found {
		entry := runtimes.Runtime{Name: f.Name, Platforms: f.Platforms, Commit: f.Commit, Catalogue: self == nil}
		if end, ok := catalog.EndOfSupport(f.Name); ok {
			entry.EndOfSupport = end.Format(time.DateOnly)
		}
		list = append(list, entry)
	}
	return list.ToResult()
}

// ownImage is the image that the frontend runs from, for steps of our own; nil where it runs from none.
func (r *request) ownImage() (*llb.State, error) {
	if c, ok := r.client.(interface{ CurrentFrontend() (*llb.State, error) }); ok {
		if st, err := c.CurrentFrontend(); st != nil || err != nil {
			return st, errors.Wrap(err, "image of the frontend")
		}
	}
	if source := r.bc.BuildOpts().Opts["source"]; source != "" {
		st := llb.Image(source)
		return &st, nil
	}
	return nil, nil
}

// branches asks the repository, in a step that is run each time.
func (r *request) branches(ctx context.Context, self llb.State) ([]branches.Runtime, error) {
	args := r.bc.BuildArgs
	run := self.Run(
		llb.Args([]string{"/lambda-frontend", "branches", r.Repository, "/out/branches.json"}),
		llb.WithProxy(llb.ProxyEnv{
			HTTPProxy: args["HTTP_PROXY"], HTTPSProxy: args["HTTPS_PROXY"], NoProxy: args["NO_PROXY"], AllProxy: args["ALL_PROXY"],
		}),
		llb.IgnoreCache,
		llb.WithCustomName("list branches of "+r.Repository),
		llb.AddSecret(branches.TokenFile, llb.SecretID("GIT_AUTH_TOKEN"), llb.SecretOptional),
		llb.AddSecret(branches.TokenFile+".host", llb.SecretID("GIT_AUTH_TOKEN."+hostOf(r.Repository)), llb.SecretOptional),
	)
	ref, err := r.solve(ctx, run.AddMount("/out", llb.Scratch()), ocispecs.Platform{OS: "linux", Architecture: r.bc.BuildPlatforms[0].Architecture}, true)
	if err != nil {
		return nil, errors.Wrapf(err, "branches of %s", r.Repository)
	}
	dt, err := ref.ReadFile(ctx, gateway.ReadRequest{Filename: "branches.json"})
	if err != nil {
		return nil, errors.Wrapf(err, "branches of %s", r.Repository)
	}
	var answer branches.Answer
	if err := json.Unmarshal(dt, &answer); err != nil {
		return nil, errors.Wrap(err, "branches")
	}
	if answer.Error != "" {
		return nil, errors.New(answer.Error)
	}
	return answer.Runtimes, nil
}

func hostOf(repository string) string {
	u, err := url.Parse(repository)
	if err != nil {
		return ""
	}
	return u.Host
}

// withOwnCalls adds our calls to those that a result describes.
func withOwnCalls(res *gateway.Result) (*gateway.Result, error) {
	var all []subrequests.Request
	if err := json.Unmarshal(res.Metadata["result.json"], &all); err != nil {
		return nil, errors.Wrap(err, "described calls")
	}
	dt, err := json.MarshalIndent(append(all, ownCalls...), "", "  ")
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
