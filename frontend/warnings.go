package frontend

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lambdabase/internal/catalog"
	"lambdabase/internal/printable"
	"lambdabase/internal/recipe"
	"lambdabase/llb/lambda2llb"
	"lambdabase/llb/splice"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/frontend/attestations"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// warning is something that the user should know; the build goes on.
type warning struct {
	text   string
	detail string
	vertex digest.Digest // the step it is about
	lines  []*errdefs.Source
}

// warn shows a warning. One that can't be shown is not worth a failed build.
func (r *request) warn(ctx context.Context, w warning) {
	if _, said := r.seenWarnings.LoadOrStore(w.text, true); said {
		return
	}
	opts := gateway.WarnOpts{Level: 1}
	if w.detail != "" {
		opts.Detail = [][]byte{[]byte(printable.Text(w.detail))}
	}
	if len(w.lines) > 0 {
		opts.SourceInfo, opts.Range = w.lines[0].Info, w.lines[0].Ranges
	}
	_ = r.client.Warn(ctx, w.vertex, printable.Text(w.text), opts)
}

// warnEndOfSupport warns of a runtime that AWS doesn't support any more.
func (r *request) warnEndOfSupport(ctx context.Context, snap *snapshot, w warning) {
	end, ok := catalog.EndOfSupport(snap.runtime)
	if !ok || r.today.IsZero() || !r.today.After(end) {
		return
	}
	w.text = fmt.Sprintf("runtime %s is past its end of support (%s)", snap.runtime, end.Format(time.DateOnly))
	w.detail = "AWS publishes no more security fixes for it, and Lambda may refuse to create or update functions."
	w.vertex, _ = vertexDigest(ctx, r.treeState(snap.commit))
	r.warn(ctx, w)
}

// warnChain warns that layers were not merged, and why: the build is slower, and shares less.
func (a *assembler) warnChain(ctx context.Context, reasons []string) {
	w := warning{
		text:   fmt.Sprintf("layers of %s are unpacked one onto the other: %s", a.plan.Runtime, reasons[0]),
		detail: "The image is right, but made more slowly, and its layers are not shared with other runtimes. " + strings.Join(reasons[:min(len(reasons), 5)], "; "),
	}
	w.vertex, _ = vertexDigest(ctx, a.convert.Fetch(a.plan.Layers[0]))
	a.warn(ctx, w)
}

// warnFallback warns of an object that its own URL doesn't give, and that the batch API is asked for.
func (a *assembler) warnFallback(ctx context.Context, l lambda2llb.Layer, failed *fetchError) {
	w := warning{
		text:   fmt.Sprintf("%s answers with status %d: objects are asked for by the LFS batch API", hostOf(l.URL), failed.status),
		detail: "Repositories may have a quota for that. objects=lfs asks for all of them so from the start; a mirror is named with objects= too.",
	}
	w.vertex, _ = vertexDigest(ctx, a.convert.Fetch(l))
	a.warn(ctx, w)
}

// warnBase warns of a base that a Dockerfile names.
func (b *baseImages) warnBase(ctx context.Context, def *pb.Definition, image splice.Image, base baseImage) {
	if snap, err := b.snapshotOf(ctx, base); err == nil {
		b.warnEndOfSupport(ctx, snap, warning{lines: imageSources(def, image)})
	}
}

// warnRegistry warns of an image of AWS that option ecr leaves to the registry.
func (b *baseImages) warnRegistry(ctx context.Context, def *pb.Definition, image splice.Image) {
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

// warnIndex warns of a function image that Lambda will not take: it wants one plain manifest. A builder of several nodes
// shows one platform at a time, so this is the best that can be done here.
func (r *request) warnIndex(ctx context.Context, res *gateway.Result) error {
	if r.requestID() != "" || !isOnRuntime(res) {
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

// isImageConfigKey tells the metadata that is an image's config, of one platform or of one of several.
func isImageConfigKey(key string) bool {
	return key == exptypes.ExporterImageConfigKey || strings.HasPrefix(key, exptypes.ExporterImageConfigKey+"/")
}

// imageSources are the lines of the user's files that name an image.
func imageSources(def *pb.Definition, image splice.Image) []*errdefs.Source {
	var lines []*errdefs.Source
	for _, l := range def.GetSource().GetLocations()[image.Digest.String()].GetLocations() {
		lines = append(lines, &errdefs.Source{Info: def.Source.Infos[l.SourceIndex], Ranges: l.Ranges})
	}
	return lines
}

// wrapSources points an error at lines.
func wrapSources(err error, lines []*errdefs.Source) error {
	for _, l := range lines {
		err = errdefs.WithSource(err, l)
	}
	return err
}

// warnPointers warns of pointers that a Dockerfile adds as they are because it isn't quite a recipe.
func (c *checkout) warnPointers(ctx context.Context, reason error) error {
	adds := recipe.LooseAdds(c.file.Data)
	if len(adds) == 0 {
		return nil
	}
	pointers, err := c.readLayers(ctx, adds)
	if err != nil || pointers == 0 {
		return ctx.Err()
	}
	for _, l := range c.layers {
		if !l.InContext {
			c.warnLine(ctx, l, fmt.Sprintf("%s is a Git LFS pointer and is added as it is: the Dockerfile is no recipe (%v)", l.Path, reason))
		}
	}
	return nil
}

// warnLine warns of a layer where the Dockerfile adds it.
func (c *checkout) warnLine(ctx context.Context, l lambda2llb.Layer, text string) {
	w := warning{text: text, lines: []*errdefs.Source{recipeSource(c.file, l.Lines)}}
	w.vertex, _ = vertexDigest(ctx, c.buildContext)
	c.warn(ctx, w)
}

// warnPlatform warns of a recipe of one architecture that is built for another: upstream's at the root adds the x86_64
// layers whatever is asked for, and the image would say that it is for arm64.
func (c *checkout) warnPlatform(ctx context.Context, platform ocispecs.Platform) {
	for _, l := range c.layers {
		if arch := recipe.ArchOf(l.Path); arch != "" && arch != platform.Architecture {
			c.warnLine(ctx, l, fmt.Sprintf("%s adds layers of linux/%s, and %s is built: give --platform linux/%s, or the recipe of the other folder",
				c.file.Path, arch, platforms.Format(platform), arch))
			return
		}
	}
}
