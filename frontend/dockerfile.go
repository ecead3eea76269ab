package frontend

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lambdabase/internal/catalog"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/attestations"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests/convertllb"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// buildDockerfile builds what names no runtime: a checkout, or a Dockerfile.
func (r *request) buildDockerfile(ctx context.Context) (*gateway.Result, error) {
	if c, err := r.findCheckout(ctx); err != nil {
		return nil, err
	} else if c != nil {
		return c.build(ctx)
	}
	b := &baseImages{request: r}
	res, err := r.callDockerfileFrontend(ctx, b)
	if err != nil {
		return nil, err
	}
	r.warnExclude(ctx)
	if err := b.histories.correct(res); err != nil {
		return nil, err
	}
	if err := b.registry.annotateBase(r, res); err != nil {
		return nil, err
	}
	if err := r.attachLinks(ctx, res); err != nil {
		return nil, err
	}
	return res, r.warnIndex(ctx, res)
}

// convertDockerfile answers "--call=convertllb".
func (r *request) convertDockerfile(ctx context.Context) (*gateway.Result, error) {
	if c, err := r.findCheckout(ctx); err != nil {
		return nil, err
	} else if c != nil {
		return nil, errors.Errorf("%s of a checkout with pointers has no answer: name the runtime in a Dockerfile instead, FROM nodejs20.x", convertllb.RequestConvertLLB)
	}
	b := &baseImages{request: r, noGates: true}
	res, err := r.callDockerfileFrontend(ctx, b)
	if err != nil {
		return nil, err
	}
	res, err = b.convertLLB(ctx, res)
	r.warnExclude(ctx)
	return res, err
}

// callDockerfileFrontend has BuildKit's own Dockerfile frontend answer, with a client to whom Lambda's runtimes are images: it
// tells their config, and puts their definitions into what is solved.
func (r *request) callDockerfileFrontend(ctx context.Context, b *baseImages) (*gateway.Result, error) {
	res, err := builder.Build(ctx, &baseImageClient{Client: r.client, bases: b})
	if err != nil {
		return nil, withNoContextHint(err)
	}
	return res, nil
}

// baseImageClient is the gateway's client, but for images that are runtimes.
type baseImageClient struct {
	gateway.Client
	bases *baseImages
}

// BuildOpts leaves out what is ours. What is left has a command line in it, as otherwise BuildKit's frontend would hand
// a Dockerfile with our "# syntax=" line over to us again.
func (c *baseImageClient) BuildOpts() gateway.BuildOpts {
	opts := c.Client.BuildOpts()
	opts.Opts = maps.Clone(opts.Opts)
	for _, o := range AllOptions() {
		delete(opts.Opts, o.Name)
		delete(opts.Opts, "build-arg:"+o.BuildArg())
	}
	if _, ok := opts.Opts[syntaxOption]; !ok {
		opts.Opts[syntaxOption] = "lambda-frontend"
	}
	if c.bases.call != "" {
		opts.Opts["requestid"] = c.bases.call
	}
	return opts
}

// ResolveImageConfig is asked for each base that the target needs, for all of them at once. It fetches no object.
func (c *baseImageClient) ResolveImageConfig(ctx context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	var platform *ocispecs.Platform
	if opt.ImageOpt != nil {
		platform = opt.ImageOpt.Platform
	}
	base, ok := c.bases.parseBase(ref, platform)
	if !ok || opt.OCILayoutOpt != nil {
		found, dgst, dt, err := c.Client.ResolveImageConfig(ctx, ref, opt)
		if err == nil && opt.OCILayoutOpt == nil {
			c.bases.registry.add(found, dgst, dt)
		}
		return found, dgst, dt, withImageHint(err, ref)
	}
	dt, err := c.bases.config(ctx, base)
	return ref, "", dt, err
}

// Solve puts the definitions of bases in place of the images that name them. Where one is behind a gate, the whole is solved to
// the end, to see whether that opens. Never is it the base alone: BuildKit v0.33.1 leaks records of a merge that is in its cache
// and is solved before what stands on it.
func (c *baseImageClient) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	if req.Definition == nil || req.Frontend != "" {
		return c.Client.Solve(ctx, req)
	}
	for {
		spliced := req
		var err error
		if spliced.Definition, err = c.bases.splice(ctx, req.Definition); err != nil {
			return nil, err
		}
		if !c.bases.hasGate(spliced.Definition) {
			return c.Client.Solve(ctx, spliced)
		}
		evaluated := spliced
		evaluated.Evaluate = true
		res, err := c.Client.Solve(ctx, evaluated)
		if err == nil {
			return res, nil
		}
		if !c.bases.closeGate(err) { // comes again when BuildKit evaluates the result, in its own words
			return c.Client.Solve(ctx, spliced)
		}
	}
}

// withImageHint is the error of an image that the registry doesn't have, with what may have been meant.
func withImageHint(err error, ref string) error {
	hint := catalog.Hint(ref)
	if err == nil || hint == "" {
		return err
	}
	return &withMessage{cause: err, msg: fmt.Sprintf("%v (%s)", err, hint)}
}

// withNoContextHint is the error of a request with neither a runtime nor a context, which buildctl's user makes.
func withNoContextHint(err error) error {
	if !errorContains(err, "no local sources enabled") {
		return err
	}
	return &withMessage{cause: err, msg: fmt.Sprintf("%v (there is no context; for a base image name the runtime: --opt runtime=nodejs20.x)", err)}
}

// warnIndex warns of a function image that Lambda will not take: it wants one plain manifest. A builder of several nodes
// shows one platform at a time, so this is the best that can be done here.
func (r *request) warnIndex(ctx context.Context, res *gateway.Result) error {
	if !isOnRuntime(res) {
		return nil
	}
	attests, err := attestations.Parse(r.bc.BuildOpts().Opts)
	if err != nil {
		return err
	}
	var reasons, flags []string
	if len(r.bc.TargetPlatforms) > 1 {
		reasons, flags = append(reasons, "several platforms"), append(flags, "one --platform")
	}
	for _, kind := range slices.Sorted(maps.Keys(attests)) {
		reasons, flags = append(reasons, kind), append(flags, "--"+kind+"=false")
	}
	if len(reasons) == 0 {
		return nil
	}
	r.warn(ctx, warning{
		text:   fmt.Sprintf("Lambda takes no image index, which comes of %s: for an image to deploy pass %s", strings.Join(reasons, " and "), strings.Join(flags, " and ")),
		vertex: digest.FromString("lambda"),
	})
	return nil
}

// isOnRuntime tells whether a result's image stands on a base of ours: labels are handed down.
func isOnRuntime(res *gateway.Result) bool {
	for key, dt := range res.Metadata {
		var image dockerspec.DockerOCIImage
		if isImageConfigKey(key) && json.Unmarshal(dt, &image) == nil && image.Config.Labels[lambda2llb.LabelRuntime] != "" {
			return true
		}
	}
	return false
}
