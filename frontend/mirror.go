package frontend

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lambdabase/internal/catalog"
	"lambdabase/internal/mirror"
	"lambdabase/internal/mirror/label"
	"lambdabase/llb/lambda2llb"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
)

// mirroredContents are what the image of a snapshot in a mirror says.
type mirroredContents struct {
	documentContents
	image lambda2llb.MirroredImage
	step  digest.Digest // that tells of it
}

// readMirrored reads the snapshot of a runtime: of a commit, or the latest that was mirrored. No git server is asked.
func (r *request) readMirrored(ctx context.Context, from mirror.Location, runtime, commit string) (*mirroredContents, error) {
	tag, err := mirror.Tag(runtime, commit)
	if err != nil {
		return nil, err
	}
	image, config, err := r.mirrorConfig(ctx, from, tag)
	if err != nil {
		return nil, mirroredError(err, from, tag, runtime, commit)
	}
	d, err := label.Snapshot(from.Image(tag), config)
	if err != nil {
		return nil, err
	}
	if d.Runtime != runtime || commit != "" && d.Commit != commit {
		return nil, errors.Errorf("%s is of runtime %s at commit %s: the tag says something else; mirror it again (lambdabase mirror %s --to %s)",
			from.Image(tag), d.Runtime, d.Commit, runtime, from)
	}
	step := r.show(ctx, "use", fmt.Sprintf("%s: %s is commit %s", from, d.Runtime, d.Commit))
	return &mirroredContents{documentContents{d, from.Image(tag)}, image, step}, nil
}

// mirrorConfig reads the config of an image: the daemon does, with its settings for registries and the user's credentials.
func (r *request) mirrorConfig(ctx context.Context, from mirror.Location, tag string) (image lambda2llb.MirroredImage, config []byte, err error) {
	image.Location = from
	if from.Layout != "" {
		image.Digest, config, err = r.session.LayoutConfig(ctx, from.Layout, tag)
		return image, config, err
	}
	ctx, cancel := withTimeout(ctx, r.baseTimeout)
	defer cancel()
	platform := platforms.MustParse(mirror.Platform)
	_, image.Digest, config, err = r.client.ResolveImageConfig(ctx, from.Image(tag), sourceresolver.Opt{
		LogName:  "load snapshot " + tag,
		ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &platform, ResolveMode: r.bc.ImageResolveMode.String()},
	})
	if err != nil && errors.Is(context.Cause(ctx), errTimeout) {
		err = errors.Wrapf(errTimeout, "not done in %s", r.baseTimeout)
	}
	return image, config, err
}

// isMissingTag tells that a mirror has no such image.
func isMissingTag(err error, from mirror.Location, tag string) bool {
	return errorContains(err, from.Image(tag)+": not found", "/manifests/"+tag+": 404 ")
}

// mirroredError says what to do about a snapshot that can't be had.
func mirroredError(err error, from mirror.Location, tag, runtime, commit string) error {
	if !isMissingTag(err, from, tag) {
		return registryError(err, from)
	}
	what, add := "runtime "+runtime, runtime
	if commit != "" {
		what, add = what+" at commit "+commit, add+" --commit "+commit
	}
	hint := ""
	if near := catalog.Nearest(runtime); len(near) > 0 && !slices.Contains(catalog.Names(), runtime) {
		hint = fmt.Sprintf(" (did you mean %s?)", strings.Join(near, ", "))
	}
	return errors.Errorf("%s has no %s%s: lambdabase list --repository %s and the call lambda.runtimes name those that are there, lambdabase mirror %s --to %s adds it",
		from, what, hint, from, add, from)
}

// readCatalog reads which runtimes a mirror has.
func (r *request) readCatalog(ctx context.Context, from mirror.Location) ([]catalog.Runtime, error) {
	_, config, err := r.mirrorConfig(ctx, from, mirror.CatalogTag)
	if err != nil && isMissingTag(err, from, mirror.CatalogTag) {
		return nil, errors.Errorf("%s is no mirror, or nothing is in it: it has no tag %s, which lambdabase mirror makes", from, mirror.CatalogTag)
	}
	if err != nil {
		return nil, registryError(err, from)
	}
	return label.Catalog(from.Image(mirror.CatalogTag), config)
}
