package frontend

import (
	"context"
	"time"

	"lambdabase/internal/panics"
	"lambdabase/llb/lambda2llb"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/attestations/sbom"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/result"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// addScanTarget notes the root filesystem of an image, for attachSBOMs.
func (r *request) addScanTarget(plan *lambda2llb.Plan, st llb.State) {
	r.scanTargets.Store(platforms.FormatAll(platforms.Normalize(plan.Platform)), st)
}

// attachSBOMs attaches an SBOM to each image if one is asked for, as BuildKit's Dockerfile frontend does.
func (r *request) attachSBOMs(ctx context.Context, rb *dockerui.ResultBuilder) error {
	if r.bc.SBOM == nil {
		return nil
	}
	platform := r.daemonPlatform()
	scanner, err := sbom.CreateSBOMScanner(ctx, r.client, r.bc.SBOM.Generator, platform, sourceresolver.Opt{
		ImageOpt: &sourceresolver.ResolveImageOpt{ResolveMode: r.bc.ImageResolveMode.String(), Platform: &platform},
	}, r.bc.SBOM.Parameters)
	if err != nil {
		return errors.Wrap(err, "SBOM scanner")
	}
	return rb.EachPlatform(ctx, func(ctx context.Context, id string, _ ocispecs.Platform) error {
		st, ok := r.scanTargets.Load(id)
		if !ok {
			return errors.Errorf("SBOM of %s: nothing to scan", id)
		}
		att, err := scanner(ctx, id, st.(llb.State), nil)
		if err != nil {
			return errors.Wrapf(err, "SBOM of %s", id)
		}
		solved, err := result.ConvertAttestation(&att, func(st *llb.State) (gateway.Reference, error) {
			return r.solve(ctx, *st, platform, false)
		})
		if err != nil {
			return errors.Wrapf(err, "SBOM of %s", id)
		}
		rb.AddAttestation(id, *solved)
		return nil
	})
}

// buildPlatforms makes an image for every platform that was asked for, or for the daemon's, as it is planned. Its files are no
// younger than the epoch, if there is one.
func (r *request) buildPlatforms(ctx context.Context, epoch *time.Time, plan func(context.Context, ocispecs.Platform) (*lambda2llb.Plan, error)) (*gateway.Result, error) {
	rb, err := r.bc.Build(ctx, func(ctx context.Context, platform *ocispecs.Platform, _ int) (*dockerui.BuildResult, error) {
		if platform == nil { // none was asked for
			platform = &r.targetPlatforms()[0]
		}
		return panics.Recover(func() (*dockerui.BuildResult, error) {
			p, err := plan(ctx, *platform)
			if err != nil {
				return nil, err
			}
			res, err := r.buildImage(ctx, p)
			if err == nil {
				res.Epoch = epoch
			}
			return res, err
		})
	})
	if err != nil {
		return nil, err
	}
	r.warnExclude(ctx)
	if err := r.attachSBOMs(ctx, rb); err != nil {
		return nil, err
	}
	res, err := rb.Finalize()
	if err != nil {
		return nil, err
	}
	if err := r.annotateOrigin(res); err != nil {
		return nil, err
	}
	return res, r.attachLinks(ctx, res)
}

// buildImage makes the image of a plan.
func (r *request) buildImage(ctx context.Context, plan *lambda2llb.Plan) (*dockerui.BuildResult, error) {
	fs, err := r.assemble(ctx, plan, solvedGate)
	if err != nil {
		return nil, err
	}
	r.addBuiltPlan(plan, fs)
	r.addScanTarget(plan, fs.State)
	ref, err := r.solve(ctx, fs.State, plan.Platform, false)
	if err != nil {
		return nil, errors.Wrapf(err, "layers of %s", plan.Recipe.Path)
	}
	return &dockerui.BuildResult{Reference: ref, Image: plan.ImageConfig(*fs)}, nil
}
