package frontend

import (
	"context"
	"encoding/json"
	"maps"
	"strings"

	"lambdabase/internal/catalog"
	"lambdabase/llb/splice"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests"
	"github.com/moby/buildkit/frontend/subrequests/convertllb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/flightcontrol"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"golang.org/x/sync/errgroup"
)

// dockerfile answers a request that names no runtime. BuildKit's own Dockerfile frontend does, with a client to whom
// Lambda's runtimes are images: it tells their config, and puts their graphs into what is solved.
func (r *request) dockerfile(ctx context.Context) (*gateway.Result, error) {
	if res, ok, err := r.checkout(ctx); ok {
		return res, err
	}
	b := &bases{request: r}
	res, err := builder.Build(ctx, &runtimeClient{Client: r.client, bases: b})
	switch {
	case err != nil:
		return nil, err
	case r.call() == convertllb.RequestConvertLLB:
		return b.convertLLB(ctx, res)
	case r.call() == subrequests.RequestSubrequestsDescribe:
		return withOwnCalls(res)
	}
	return res, r.warnIndex(ctx, res)
}

// runtimeClient is the gateway's client, but for images that are runtimes.
type runtimeClient struct {
	gateway.Client
	bases *bases
}

// BuildOpts leaves out what is ours. What is left has a command line in it, as otherwise BuildKit's frontend would hand
// a Dockerfile with our "# syntax=" line over to us again.
func (c *runtimeClient) BuildOpts() gateway.BuildOpts {
	opts := c.Client.BuildOpts()
	opts.Opts = maps.Clone(opts.Opts)
	for _, o := range Table() {
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
	base, ok := c.bases.named(ref, platform)
	if !ok || opt.OCILayoutOpt != nil {
		return c.Client.ResolveImageConfig(ctx, ref, opt)
	}
	dt, err := c.bases.config(ctx, base)
	return ref, "", dt, err
}

// Solve puts the graphs of bases in place of the images that name them.
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

// bases are the base images that a Dockerfile names, each made once a request.
type bases struct {
	*request
	snapshots flightcontrol.CachedGroup[*snapshot]
	graphs    flightcontrol.CachedGroup[*pb.Definition]
}

// base is one of them.
type base struct {
	catalog.Image
	platform ocispecs.Platform
}

// named is the base that a reference means; false leaves it to the registry.
func (b *bases) named(ref string, platform *ocispecs.Platform) (base, bool) {
	image, ok := catalog.ParseImage(ref)
	if !ok && b.ECR {
		image, ok = catalog.ParseAWS(ref)
	}
	if !ok {
		return base{}, false
	}
	if platform == nil {
		platform = &b.bc.BuildPlatforms[0]
	}
	p := *platform
	if image.Arch != "" { // the tag says it, whatever is built
		p.Architecture, p.Variant = image.Arch, ""
	}
	return base{Image: image, platform: platforms.Normalize(p)}, true
}

func (b *bases) snapshotOf(ctx context.Context, base base) (*snapshot, error) {
	return b.snapshots.Do(ctx, base.Runtime+":"+base.Commit, func(ctx context.Context) (*snapshot, error) {
		return b.snapshot(ctx, base.Runtime, base.Commit)
	})
}

func (b *bases) config(ctx context.Context, base base) ([]byte, error) {
	snap, err := b.snapshotOf(ctx, base)
	if err != nil {
		return nil, err
	}
	plan, err := snap.plan(ctx, base.platform)
	if err != nil {
		return nil, err
	}
	dt, err := json.Marshal(plan.BaseImage(false))
	return dt, errors.Wrap(err, "image config")
}

// graph is the definition of a base. Its layers are fetched for it, as only they tell how they are put together.
func (b *bases) graph(ctx context.Context, base base) (*pb.Definition, error) {
	key := strings.Join([]string{base.Runtime, base.Commit, platforms.FormatAll(base.platform)}, " ")
	return b.graphs.Do(ctx, key, func(ctx context.Context) (def *pb.Definition, err error) {
		return def, guard(func() error {
			snap, err := b.snapshotOf(ctx, base)
			if err != nil {
				return err
			}
			plan, err := snap.plan(ctx, base.platform)
			if err != nil {
				return err
			}
			st, _, err := b.assemble(ctx, plan)
			if err != nil {
				return err
			}
			d, err := st.Marshal(ctx, llb.Platform(base.platform), llb.WithCaps(b.bc.BuildOpts().LLBCaps))
			def = d.ToPB()
			return errors.Wrapf(err, "definition of %s", base.Runtime)
		})
	})
}

// splice puts the graphs of all bases of a definition into it.
func (b *bases) splice(ctx context.Context, def *pb.Definition) (*pb.Definition, error) {
	images, err := splice.Images(def)
	if err != nil {
		return nil, err
	}
	graphs := make([]*pb.Definition, len(images))
	eg, egCtx := errgroup.WithContext(ctx)
	for i, image := range images {
		base, ok := b.named(image.Ref, platformOf(image.Platform))
		if !ok {
			b.warnRegistry(ctx, def, image)
			continue
		}
		eg.Go(func() (err error) {
			graphs[i], err = b.graph(egCtx, base)
			return locateAll(errors.Wrap(err, base.Runtime), userLines(def, image))
		})
	}
	if err := eg.Wait(); err != nil {
		return nil, err
	}
	byImage := map[digest.Digest]*pb.Definition{}
	for i, image := range images {
		if graphs[i] != nil {
			byImage[image.Digest] = graphs[i]
			b.warnBase(ctx, def, image)
		}
	}
	return splice.Replace(def, byImage)
}

func platformOf(p *pb.Platform) *ocispecs.Platform {
	if p == nil {
		return nil
	}
	return &ocispecs.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant, OSVersion: p.OSVersion, OSFeatures: p.OSFeatures}
}
