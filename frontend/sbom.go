package frontend

import (
	"context"

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
	platform := r.bc.BuildPlatforms[0]
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
