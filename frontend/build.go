// Package frontend is the BuildKit frontend: it answers a gateway request. The way of the data is the way of the files:
// options, commit, tree, plan, layers, and the result that BuildKit exports.
package frontend

import (
	"context"
	"time"

	"lambdabase/internal/lfsstore"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// Frontend answers requests.
type Frontend struct {
	Today time.Time // when runtimes are past their end of support; zero: never
	// FetchTimeout is how long an object may take besides the time for its size; zero: 5 minutes.
	FetchTimeout time.Duration
	// GitTimeout is how long git may take before its server is asked whether it is there, and each time after that; zero: a minute.
	GitTimeout time.Duration
	// ObjectStore, if not nil, has the client itself get the objects that must be asked for by the LFS batch API, where the
	// daemon takes blobs from a client (BuildKit 0.28 or later). Otherwise a step of the frontend's image does.
	ObjectStore *lfsstore.Store
	Session     Session

	// XZ, where BuildKit runs in this process, says what is wrong with xz: it is given the beginning of an archive, and tells
	// in xz's own words why that isn't unpacked; empty where it is. BuildKit itself doesn't say it.
	XZ func(ctx context.Context, archive []byte) string

	grace      time.Duration // for other layers once one has failed; zero: 5 seconds
	retryDelay time.Duration // before an object is asked for again; zero: a second, and more each time
}

// Build answers one request: the base image of a runtime, or a Dockerfile.
func (f Frontend) Build(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
	res, err := recoverPanic(func() (*gateway.Result, error) { return f.build(ctx, c) })
	return res, toUserError(err)
}

func (f Frontend) build(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
	req, err := f.readRequest(ctx, c)
	if err != nil {
		return nil, err
	}
	if res, ok, err := req.handleSubrequest(ctx); ok {
		return res, err
	}
	if req.Runtime == "" {
		return req.buildDockerfile(ctx)
	}
	return req.buildBaseImage(ctx)
}

func (f Frontend) readRequest(ctx context.Context, c gateway.Client) (*request, error) {
	bc, err := dockerui.NewClient(c)
	if err != nil {
		return nil, err
	}
	opts, err := ParseOptions(bc.BuildOpts().Opts)
	if err != nil {
		return nil, err
	}
	if err := f.loadGitContext(ctx, bc, opts); err != nil {
		return nil, err
	}
	entry := readEntrypoint(ctx, bc, opts)
	if entry.hasSyntax {
		if opts, err = entry.options(bc.BuildOpts().Opts); err != nil {
			return nil, err
		}
	}
	if err := f.Session.setRemote(&opts); err != nil {
		return nil, err
	}
	r, err := newRequest(bc, opts, f)
	if err != nil {
		return nil, err
	}
	r.dockerfile = entry.file
	r.warnSyntax(ctx, entry)
	return r, nil
}

// buildBaseImage builds the base image of the runtime for every platform that was asked for.
func (r *request) buildBaseImage(ctx context.Context) (*gateway.Result, error) {
	if res, ok, err := r.bc.HandleSubrequest(ctx, dockerui.RequestHandler{}); err != nil {
		return nil, err
	} else if ok {
		return addOwnSubrequests(res)
	}
	if r.bc.Target != "" {
		return nil, errors.Errorf("target %q makes no sense for a base image: a recipe has one stage", r.bc.Target)
	}
	snap, err := r.newSnapshot(ctx, r.Runtime, r.Commit)
	if err != nil {
		return nil, err
	}
	r.warnEndOfSupport(ctx, snap, warning{})
	return r.buildPlatforms(ctx, snap.plan)
}

// buildPlatforms makes an image for every platform that was asked for, or for the daemon's, as it is planned.
func (r *request) buildPlatforms(ctx context.Context, plan func(context.Context, ocispecs.Platform) (*lambda2llb.Plan, error)) (*gateway.Result, error) {
	rb, err := r.bc.Build(ctx, func(ctx context.Context, platform *ocispecs.Platform, _ int) (*dockerui.BuildResult, error) {
		if platform == nil {
			platform = &r.bc.BuildPlatforms[0]
		}
		return recoverPanic(func() (*dockerui.BuildResult, error) {
			p, err := plan(ctx, *platform)
			if err != nil {
				return nil, err
			}
			return r.buildImage(ctx, p)
		})
	})
	if err != nil {
		return nil, err
	}
	if err := r.attachSBOMs(ctx, rb); err != nil {
		return nil, err
	}
	res, err := rb.Finalize()
	if err != nil {
		return nil, err
	}
	return res, r.attachLinks(ctx, res)
}

// buildImage makes the image of a plan.
func (r *request) buildImage(ctx context.Context, plan *lambda2llb.Plan) (*dockerui.BuildResult, error) {
	plan.Labels = r.bc.Labels
	st, image, err := r.assemble(ctx, plan)
	if err != nil {
		return nil, err
	}
	r.addScanTarget(plan, st)
	ref, err := r.solve(ctx, st, plan.Platform, false)
	if err != nil {
		return nil, errors.Wrapf(err, "layers of %s", plan.Recipe.Path)
	}
	return &dockerui.BuildResult{Reference: ref, Image: image, Epoch: r.epoch}, nil
}

// solve marshals a state and solves it, with the request's cache imports: without them a build that could be imported
// is done again.
func (r *request) solve(ctx context.Context, st llb.State, platform ocispecs.Platform, evaluate bool) (gateway.Reference, error) {
	def, err := st.Marshal(ctx, llb.Platform(platform), llb.WithCaps(r.bc.BuildOpts().LLBCaps))
	if err != nil {
		return nil, errors.Wrap(err, "marshal definition")
	}
	res, err := r.client.Solve(ctx, gateway.SolveRequest{
		Definition:   def.ToPB(),
		Evaluate:     evaluate,
		CacheImports: r.bc.CacheImports,
	})
	if err != nil {
		return nil, err
	}
	return res.SingleRef()
}

// recoverPanic makes an error of a panic, in the goroutine that it is called in: what is on a branch must not end the process.
func recoverPanic[T any](f func() (T, error)) (_ T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.Errorf("internal error: %v, please report it", r)
		}
	}()
	return f()
}
