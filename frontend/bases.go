package frontend

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"lambdabase/internal/catalog"
	"lambdabase/internal/panics"
	"lambdabase/llb/lambda2llb"
	"lambdabase/llb/splice"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/flightcontrol"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// baseImages are the base images that a Dockerfile names, each made once a request.
type baseImages struct {
	*request
	snapshots   flightcontrol.CachedGroup[*snapshot]
	plans       flightcontrol.CachedGroup[*lambda2llb.Plan]
	definitions flightcontrol.CachedGroup[*pb.Definition]
	histories   histories
	gates       sync.Map // steps that a spliced base may fail at, by digest: the base's key
	closed      sync.Map // keys of bases that did
	noGates     bool     // what a base is spliced into is not solved here
	call        string   // that BuildKit's frontend is to answer, in place of the request's own
	named       sync.Map // baseImage by key, of those whose config was asked for
	registry    registryImages
}

// baseImage is one that a Dockerfile names.
type baseImage struct {
	catalog.Image
	platform ocispecs.Platform
}

// parseBase returns the base image that a reference means; false leaves it to the registry.
func (b *baseImages) parseBase(ref string, platform *ocispecs.Platform) (baseImage, bool) {
	image, ok := catalog.ParseImage(ref)
	if !ok && b.ECR {
		image, ok = catalog.ParseECR(ref)
	}
	if !ok {
		return baseImage{}, false
	}
	p := b.daemonPlatform()
	if platform != nil {
		p = *platform
	}
	if image.Arch != "" { // the tag says it, whatever is built
		p.Architecture, p.Variant = image.Arch, ""
	}
	return baseImage{Image: image, platform: platforms.Normalize(p)}, true
}

func (b *baseImages) snapshotOf(ctx context.Context, base baseImage) (*snapshot, error) {
	return b.snapshots.Do(ctx, base.Runtime+":"+base.Commit, func(ctx context.Context) (*snapshot, error) {
		return panics.Recover(func() (*snapshot, error) { return b.newSnapshot(ctx, b.remote, base.Runtime, base.Commit) })
	})
}

func (b *baseImages) planOf(ctx context.Context, base baseImage) (*lambda2llb.Plan, error) {
	snap, err := b.snapshotOf(ctx, base)
	if err != nil {
		return nil, err
	}
	return b.plans.Do(ctx, base.key(), func(ctx context.Context) (*lambda2llb.Plan, error) {
		return panics.Recover(func() (*lambda2llb.Plan, error) { return snap.plan(ctx, base.platform) })
	})
}

func (b baseImage) key() string {
	return strings.Join([]string{b.Runtime, b.Commit, platforms.FormatAll(b.platform)}, " ")
}

// config is what is known of a base before anything is fetched. It must have a history of layers: BuildKit takes a base
// without layers and without such a history for scratch.
func (b *baseImages) config(ctx context.Context, base baseImage) ([]byte, error) {
	b.named.Store(base.key(), base)
	plan, err := b.planOf(ctx, base)
	if err != nil {
		return nil, err
	}
	image := plan.ImageConfig(lambda2llb.RootFS{HasWorkdir: true})
	markHistory(base.key(), image.History)
	dt, err := json.Marshal(image)
	return dt, errors.Wrap(err, "image config")
}

// asked returns those whose config was asked for, by runtime and commit.
func (b *baseImages) asked() (bases []baseImage) {
	b.named.Range(func(_, base any) bool {
		bases = append(bases, base.(baseImage))
		return true
	})
	slices.SortFunc(bases, func(a, b baseImage) int { return strings.Compare(a.key(), b.key()) })
	return bases
}

// definition is the definition of a base. Its layers are fetched for it, as only they tell how they are put together.
func (b *baseImages) definition(ctx context.Context, base baseImage) (*pb.Definition, error) {
	key, gating := base.key(), splicedGate
	if _, closed := b.closed.Load(base.key()); closed || b.noGates {
		key, gating = key+" without a gate", noGate
	}
	return b.definitions.Do(ctx, key, func(ctx context.Context) (*pb.Definition, error) {
		return panics.Recover(func() (*pb.Definition, error) { return b.buildDefinition(ctx, base, gating) })
	})
}

func (b *baseImages) buildDefinition(ctx context.Context, base baseImage, gating gating) (*pb.Definition, error) {
	plan, err := b.planOf(ctx, base)
	if err != nil {
		return nil, err
	}
	fs, err := b.assemble(ctx, plan, gating)
	if err != nil {
		return nil, err
	}
	b.addBuiltPlan(plan, fs)
	b.histories.set(base.key(), plan.ImageConfig(*fs).History)
	opts := []llb.ConstraintsOpt{llb.Platform(base.platform), llb.WithCaps(b.bc.BuildOpts().LLBCaps)}
	def, err := fs.State.Marshal(ctx, opts...)
	if err != nil {
		return nil, errors.Wrapf(err, "definition of %s", base.Runtime)
	}
	for _, step := range fs.Gate {
		vertex, err := vertexDigest(ctx, step, opts...)
		if err != nil {
			return nil, err
		}
		b.gates.Store(vertex, base.key())
	}
	return def.ToPB(), nil
}

// closeGate notes whose gate an error comes from, if it is one's: from then on that base's definition is one without.
func (b *baseImages) closeGate(err error) bool {
	base, ok := b.gates.Load(vertexOf(err))
	if ok {
		b.closed.Store(base, nil)
	}
	return ok
}

// hasGate reports whether a definition has a base in it that is behind a gate.
func (b *baseImages) hasGate(def *pb.Definition) bool {
	for dgst := range def.Metadata {
		if _, ok := b.gates.Load(digest.Digest(dgst)); ok {
			return true
		}
	}
	return false
}

// splice puts the definitions of all bases of a definition into it.
func (b *baseImages) splice(ctx context.Context, def *pb.Definition) (*pb.Definition, error) {
	images, err := splice.Images(def)
	if err != nil {
		return nil, err
	}
	found, definitions := make([]baseImage, len(images)), make([]*pb.Definition, len(images))
	eg, egCtx := panics.WithContext(ctx)
	for i, image := range images {
		var ok bool
		if found[i], ok = b.parseBase(image.Ref, platformOf(image.Platform)); !ok {
			b.warnRegistry(ctx, def, image)
			continue
		}
		eg.Go(func() (err error) {
			definitions[i], err = b.definition(egCtx, found[i])
			return wrapSources(err, imageSources(def, image))
		})
	}
	if err := eg.Wait(); err != nil {
		return nil, err
	}
	byImage := map[digest.Digest]*pb.Definition{}
	for i, image := range images {
		if definitions[i] != nil {
			byImage[image.Digest] = definitions[i]
			b.warnBase(ctx, def, image, found[i])
		}
	}
	return splice.Replace(def, byImage)
}

// containsBase tells whether a definition has a base in it.
func (b *baseImages) containsBase(def *pb.Definition) (bool, error) {
	images, err := splice.Images(def)
	return slices.ContainsFunc(images, func(i splice.ImageSource) bool {
		_, ok := b.parseBase(i.Ref, platformOf(i.Platform))
		return ok
	}), err
}

func platformOf(p *pb.Platform) *ocispecs.Platform {
	if p == nil {
		return nil
	}
	return &ocispecs.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant, OSVersion: p.OSVersion, OSFeatures: p.OSFeatures}
}

// warnBase warns of a base that a Dockerfile names.
func (b *baseImages) warnBase(ctx context.Context, def *pb.Definition, image splice.ImageSource, base baseImage) {
	if snap, err := b.snapshotOf(ctx, base); err == nil {
		b.warnEndOfSupport(ctx, snap, warning{lines: imageSources(def, image)})
	}
}

// warnRegistry warns of an image of AWS that option ecr leaves to the registry.
func (b *baseImages) warnRegistry(ctx context.Context, def *pb.Definition, image splice.ImageSource) {
	if !b.ECR || !catalog.IsECR(image.Ref) {
		return
	}
	name, _, _ := strings.Cut(image.Ref, "@")
	b.warn(ctx, warning{
		text:   fmt.Sprintf("%s comes from the registry, though ecr=snapshot", name),
		detail: "Only a bare version (nodejs:20, nodejs:20-arm64) means a snapshot. No tag, latest, a date or a digest is a certain image of the registry.",
		vertex: image.Digest,
		lines:  imageSources(def, image),
	})
}

// imageSources are the lines of the user's files that name an image.
func imageSources(def *pb.Definition, image splice.ImageSource) []*errdefs.Source {
	var lines []*errdefs.Source
	for _, l := range def.GetSource().GetLocations()[image.Digest.String()].GetLocations() {
		lines = append(lines, &errdefs.Source{Info: def.Source.Infos[l.SourceIndex], Ranges: l.Ranges})
	}
	return lines
}
