package frontend

import (
	"context"
	"maps"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests"
	"github.com/moby/buildkit/frontend/subrequests/convertllb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// buildDockerfile answers a request that names no runtime. BuildKit's own Dockerfile frontend does, with a client to whom
// Lambda's runtimes are images: it tells their config, and puts their definitions into what is solved.
func (r *request) buildDockerfile(ctx context.Context) (*gateway.Result, error) {
	if res, ok, err := r.buildCheckout(ctx); ok {
		return res, err
	}
	b := &baseImages{request: r}
	res, err := builder.Build(ctx, &runtimeClient{Client: r.client, bases: b})
	switch {
	case err != nil:
		return nil, withNoContextHint(err)
	case r.requestID() == convertllb.RequestConvertLLB:
		return b.convertLLB(ctx, res)
	case r.requestID() == subrequests.RequestSubrequestsDescribe:
		return addOwnSubrequests(res)
	}
	if err := b.correctHistory(res); err != nil {
		return nil, err
	}
	if err := r.attachLinks(ctx, res); err != nil {
		return nil, err
	}
	return res, r.warnIndex(ctx, res)
}

// runtimeClient is the gateway's client, but for images that are runtimes.
type runtimeClient struct {
	gateway.Client
	bases *baseImages
}

// BuildOpts leaves out what is ours. What is left has a command line in it, as otherwise BuildKit's frontend would hand
// a Dockerfile with our "# syntax=" line over to us again.
func (c *runtimeClient) BuildOpts() gateway.BuildOpts {
	opts := c.Client.BuildOpts()
	opts.Opts = maps.Clone(opts.Opts)
	for _, o := range AllOptions() {
		delete(opts.Opts, o.Name)
		delete(opts.Opts, "build-arg:"+o.BuildArg())
	}
	if _, ok := opts.Opts[syntaxOption]; !ok {
		opts.Opts[syntaxOption] = "lambda-frontend"
	}
	return opts
}

// ResolveImageConfig is asked for each base that the target needs, for all of them at once. It fetches no object.
func (c *runtimeClient) ResolveImageConfig(ctx context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	var platform *ocispecs.Platform
	if opt.ImageOpt != nil {
		platform = opt.ImageOpt.Platform
	}
	base, ok := c.bases.parseBase(ref, platform)
	if !ok || opt.OCILayoutOpt != nil {
		found, dgst, dt, err := c.Client.ResolveImageConfig(ctx, ref, opt)
		return found, dgst, dt, withImageHint(err, ref)
	}
	dt, err := c.bases.config(ctx, base)
	return ref, "", dt, err
}

// Solve puts the definitions of bases in place of the images that name them.
func (c *runtimeClient) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	if req.Definition != nil && req.Frontend == "" {
		def, err := c.bases.splice(ctx, req.Definition)
		if err != nil {
			return nil, err
		}
		req.Definition = def
	}
	return c.Client.Solve(ctx, req)
}
