package frontend

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"lambdabase/internal/mirror"
	"lambdabase/internal/redact"
	"lambdabase/llb/lambda2llb"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/frontend/attestations"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/result"
	"github.com/pkg/errors"
)

// BuildKit's provenance (v0.33.1) knows what BuildKit's own sources fetched. An object that a step of ours got is no source,
// and a frontend that the client runs is no request, so that its options are not said (solver/llbsolver/provenance.go:
// captureProvenance and getRefProvenance). A frontend can't add to it. So where provenance is asked for, each base image
// has an attestation beside it, in in-toto's format for the materials of a step.

// linkType is the attestation's. See https://github.com/in-toto/attestation/blob/main/spec/predicates/link.md
const linkType = "https://in-toto.io/attestation/link/v0.3"

type link struct {
	Name        string            `json:"name"`
	Command     []string          `json:"command"`
	Materials   []material        `json:"materials"`
	Byproducts  map[string]string `json:"byproducts"`
	Environment environment       `json:"environment"`
}

// material is what in-toto calls a resource descriptor.
type material struct {
	Name   string            `json:"name"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest,omitempty"`
}

type environment struct {
	Runtime    string   `json:"runtime"`
	Repository string   `json:"repository"`
	Commit     string   `json:"commit"`
	Platform   string   `json:"platform"`
	Exclude    []string `json:"exclude,omitempty"` // what is left out of the layers
}

// newLink says what a base image was made of.
func newLink(p *lambda2llb.Plan) link {
	repository := redact.Text(p.Repository)
	l := link{
		Name: "lambdabase", Command: []string{}, Byproducts: map[string]string{},
		Environment: environment{Runtime: p.Runtime, Repository: repository, Commit: p.Commit, Platform: platforms.Format(p.Platform), Exclude: p.Exclude},
		Materials:   []material{{Name: p.Recipe.Path, URI: repository, Digest: commitDigest(p.Commit)}},
	}
	if p.Mirror.Digest != "" {
		l.Materials = append(l.Materials, material{Name: "mirrored snapshot", URI: mirrorURI(p.Mirror.Location), Digest: map[string]string{p.Mirror.Digest.Algorithm().String(): p.Mirror.Digest.Encoded()}})
	}
	for _, layer := range p.Layers {
		m := material{Name: layer.Path}
		if layer.IsObject() {
			m.URI, m.Digest = originURI(layer.Origin), map[string]string{"sha256": layer.OID}
		}
		l.Materials = append(l.Materials, m)
	}
	return l
}

func originURI(o lambda2llb.Origin) string {
	if blob, ok := o.(lambda2llb.BlobOrigin); ok {
		return mirrorURI(blob.Mirror)
	}
	return redact.Text(o.String())
}

// mirrorURI is a mirror's location; where a folder is that somebody has it in is nobody else's business.
func mirrorURI(l mirror.Location) string {
	if l.Layout != "" {
		return "oci-layout:"
	}
	return l.String()
}

// commitDigest is a commit as BuildKit's provenance has it; a local checkout has none.
func commitDigest(commit string) map[string]string {
	switch len(commit) {
	case 0:
		return nil
	case 64:
		return map[string]string{"sha256": commit}
	}
	return map[string]string{"sha1": commit}
}

// addBuiltPlan notes a base image that was put together, and where its layers came from in the end, for attachLinks.
func (r *request) addBuiltPlan(planned *lambda2llb.Plan, fs *lambda2llb.RootFS) {
	p := *planned
	p.Layers = slices.Clone(planned.Layers)
	for i, origin := range fs.Origins {
		p.Layers[i].Origin = origin
	}
	r.builtPlans.Store(p.Runtime+" "+p.Commit+" "+platforms.FormatAll(platforms.Normalize(p.Platform)), &p)
}

// attachLinks adds to a result what its base images were made of, if provenance is asked for.
func (r *request) attachLinks(ctx context.Context, res *gateway.Result) error {
	kinds, err := attestations.Parse(r.bc.BuildOpts().Opts)
	if err != nil {
		return err
	}
	caps := r.bc.BuildOpts().Caps
	attrs, wanted := kinds[attestations.KeyTypeProvenance]
	if !wanted || caps.Supports(gatewaypb.CapAttestations) != nil {
		return nil
	}
	of, err := exptypes.ParsePlatforms(res.Metadata)
	if err != nil {
		return errors.Wrap(err, "platforms")
	}
	for _, p := range of.Platforms {
		for i, built := range r.builtPlansFor(p, of.Platforms) {
			att, err := r.solveLink(ctx, built, i)
			if err != nil {
				return errors.Wrapf(err, "attestation of %s", built.Runtime)
			}
			att.Metadata = provenanceMetadata(attrs)
			res.AddAttestation(p.ID, att)
		}
	}
	return nil
}

// provenanceMetadata has exporters keep an attestation where they keep BuildKit's provenance of these attributes. What buildx
// asks for by itself is for images in a registry or a store only: no file of it is for a directory, nor for an archive.
func provenanceMetadata(attrs map[string]string) map[string][]byte {
	inlineOnly, _ := strconv.ParseBool(attrs["inline-only"]) // solver/llbsolver/proc/provenance.go:30 (v0.33.1)
	return map[string][]byte{result.AttestationInlineOnlyKey: []byte(strconv.FormatBool(inlineOnly))}
}

// builtPlansFor are the base images that an image of a platform may have in it: those of the platform, and those of none that
// the result has, which the Dockerfile names.
func (r *request) builtPlansFor(p exptypes.Platform, all []exptypes.Platform) []*lambda2llb.Plan {
	found := map[string]*lambda2llb.Plan{}
	r.builtPlans.Range(func(key, value any) bool {
		built := value.(*lambda2llb.Plan)
		isBuilt := func(other exptypes.Platform) bool { return platforms.OnlyStrict(other.Platform).Match(built.Platform) }
		if isBuilt(p) || !slices.ContainsFunc(all, isBuilt) {
			found[key.(string)] = built
		}
		return true
	})
	var sorted []*lambda2llb.Plan
	for _, key := range slices.Sorted(maps.Keys(found)) {
		sorted = append(sorted, found[key])
	}
	return sorted
}

func (r *request) solveLink(ctx context.Context, p *lambda2llb.Plan, n int) (att gateway.Attestation, err error) {
	dt, err := json.MarshalIndent(newLink(p), "", "  ")
	if err != nil {
		return att, err
	}
	name := "/lambdabase.json"
	if n > 0 {
		name = fmt.Sprintf("/lambdabase-%d.json", n+1)
	}
	st := llb.Scratch().File(llb.Mkfile(name, 0o644, dt), llb.WithCustomName("say what "+p.Runtime+" is made of"))
	ref, err := r.solve(ctx, st, p.Platform, false)
	return gateway.Attestation{
		Kind: gatewaypb.AttestationKind_InToto, Ref: ref, Path: name,
		InToto: result.InTotoAttestation{PredicateType: linkType},
	}, err
}
