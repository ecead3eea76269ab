package frontend

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"lambdabase/internal/catalog"
	"lambdabase/llb/lambda2llb"
	"lambdabase/llb/splice"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/flightcontrol"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"golang.org/x/sync/errgroup"
)

// bases are the base images that a Dockerfile names, each made once a request.
type bases struct {
	*request
	snapshots flightcontrol.CachedGroup[*snapshot]
	plans     flightcontrol.CachedGroup[*lambda2llb.Plan]
	graphs    flightcontrol.CachedGroup[*pb.Definition]

	mu        sync.Mutex
	histories map[string][]ocispecs.History // of bases, by their keys, once they are fetched
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
		image, ok = catalog.ParseECR(ref)
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
		return guard(func() (*snapshot, error) { return b.snapshot(ctx, base.Runtime, base.Commit) })
	})
}

func (b *bases) planOf(ctx context.Context, base base) (*lambda2llb.Plan, error) {
	snap, err := b.snapshotOf(ctx, base)
	if err != nil {
		return nil, err
	}
	return b.plans.Do(ctx, base.key(), func(ctx context.Context) (*lambda2llb.Plan, error) {
		return guard(func() (*lambda2llb.Plan, error) { return snap.plan(ctx, base.platform) })
	})
}

func (b base) key() string {
	return strings.Join([]string{b.Runtime, b.Commit, platforms.FormatAll(b.platform)}, " ")
}

// config is what is known of a base before anything is fetched. It must have a history of layers: BuildKit takes a base
// without layers and without such a history for scratch.
func (b *bases) config(ctx context.Context, base base) ([]byte, error) {
	plan, err := b.planOf(ctx, base)
	if err != nil {
		return nil, err
	}
	image := plan.BaseImage(false)
	for i := range image.History {
		image.History[i].Author = historyMark + base.key()
	}
	dt, err := json.Marshal(image)
	return dt, errors.Wrap(err, "image config")
}

// graph is the definition of a base. Its layers are fetched for it, as only they tell how they are put together.
func (b *bases) graph(ctx context.Context, base base) (*pb.Definition, error) {
	return b.graphs.Do(ctx, base.key(), func(ctx context.Context) (*pb.Definition, error) {
		return guard(func() (*pb.Definition, error) { return b.makeGraph(ctx, base) })
	})
}

func (b *bases) makeGraph(ctx context.Context, base base) (*pb.Definition, error) {
	shared, err := b.planOf(ctx, base)
	if err != nil {
		return nil, err
	}
	plan := *shared
	plan.Layers = slices.Clone(shared.Layers) // which of them are empty is noted there
	st, image, err := b.assemble(ctx, &plan)
	if err != nil {
		return nil, err
	}
	b.keepHistory(base, image.History)
	def, err := st.Marshal(ctx, llb.Platform(base.platform), llb.WithCaps(b.bc.BuildOpts().LLBCaps))
	if err != nil {
		return nil, errors.Wrapf(err, "definition of %s", base.Runtime)
	}
	return def.ToPB(), nil
}

// splice puts the graphs of all bases of a definition into it.
func (b *bases) splice(ctx context.Context, def *pb.Definition) (*pb.Definition, error) {
	images, err := splice.Images(def)
	if err != nil {
		return nil, err
	}
	named, graphs := make([]base, len(images)), make([]*pb.Definition, len(images))
	eg, egCtx := errgroup.WithContext(ctx)
	for i, image := range images {
		var ok bool
		if named[i], ok = b.named(image.Ref, platformOf(image.Platform)); !ok {
			b.warnRegistry(ctx, def, image)
			continue
		}
		eg.Go(func() (err error) {
			graphs[i], err = b.graph(egCtx, named[i])
			return locateAll(err, userLines(def, image))
		})
	}
	if err := eg.Wait(); err != nil {
		return nil, err
	}
	byImage := map[digest.Digest]*pb.Definition{}
	for i, image := range images {
		if graphs[i] != nil {
			byImage[image.Digest] = graphs[i]
			b.warnBase(ctx, def, image, named[i])
		}
	}
	return splice.Replace(def, byImage)
}

// among tells whether a definition has a base in it.
func (b *bases) among(def *pb.Definition) (bool, error) {
	images, err := splice.Images(def)
	return slices.ContainsFunc(images, func(i splice.Image) bool {
		_, ok := b.named(i.Ref, platformOf(i.Platform))
		return ok
	}), err
}

func platformOf(p *pb.Platform) *ocispecs.Platform {
	if p == nil {
		return nil
	}
	return &ocispecs.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant, OSVersion: p.OSVersion, OSFeatures: p.OSFeatures}
}
