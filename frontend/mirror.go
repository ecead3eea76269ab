package frontend

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lambdabase/internal/catalog"
	"lambdabase/internal/document"
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
	d, manifest, err := r.mirroredDocument(ctx, from, tag)
	if err != nil && isMissingTag(err, from, tag) {
		return nil, missingSnapshotError(from, runtime, commit)
	}
	if err != nil {
		return nil, err
	}
	if d.Runtime != runtime || commit != "" && d.Commit != commit {
		return nil, errors.Errorf("%s is of runtime %s at commit %s: the tag says something else; mirror it again (lambdabase mirror %s --to %s)",
			from.Image(tag), d.Runtime, d.Commit, runtime, from)
	}
	place := from.String()
	if from.Layout != "" { // a folder of the user's, which is nobody else's business: the daemon keeps what a step says
		place = "an OCI layout"
	}
	step := r.show(ctx, "use", fmt.Sprintf("%s: %s is commit %s", place, d.Runtime, d.Commit))
	return &mirroredContents{documentContents{d, from.Image(tag)}, lambda2llb.MirroredImage{Location: from, Digest: manifest}, step}, nil
}

// mirroredDocument reads the document of a snapshot, and tells the digest of the image's manifest.
func (r *request) mirroredDocument(ctx context.Context, from mirror.Location, tag string) (d *document.Snapshot, manifest digest.Digest, err error) {
	if from.Layout != "" {
		err = r.withLayout(ctx, from, func(l Layout) error {
			d, manifest, err = l.Snapshot(ctx, tag)
			return err
		})
		return d, manifest, err
	}
	manifest, config, err := r.imageConfig(ctx, from, tag)
	if err != nil {
		return nil, "", err
	}
	d, err = label.Snapshot(from.Image(tag), config)
	return d, manifest, err
}

func (r *request) withLayout(ctx context.Context, from mirror.Location, read func(Layout) error) error {
	l, err := r.session.OpenLayout(ctx, from.Layout)
	if err != nil {
		return err
	}
	defer l.Close()
	return read(l)
}

// imageConfig reads the config of an image: the daemon does, with its settings for registries and the user's credentials.
func (r *request) imageConfig(ctx context.Context, from mirror.Location, tag string) (digest.Digest, []byte, error) {
	ctx, cancel := withTimeout(ctx, r.baseTimeout)
	defer cancel()
	platform := platforms.MustParse(mirror.Platform)
	_, manifest, config, err := r.client.ResolveImageConfig(ctx, from.Image(tag), sourceresolver.Opt{
		LogName:  "load snapshot " + tag,
		ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &platform, ResolveMode: r.bc.ImageResolveMode.String()},
	})
	if err != nil && errors.Is(context.Cause(ctx), errTimeout) {
		err = errors.Wrapf(errTimeout, "not done in %s", r.baseTimeout)
	}
	if err != nil {
		err = registryError(err, from)
	}
	return manifest, config, err
}

// isMissingTag tells that a mirror has no such image.
func isMissingTag(err error, from mirror.Location, tag string) bool {
	return errorContains(err, from.Image(tag)+": not found", "tag "+tag+": not found", "/manifests/"+tag+": 404 ")
}

// missingSnapshotError says what to do where a mirror doesn't have a snapshot.
func missingSnapshotError(from mirror.Location, runtime, commit string) error {
	what, add := "runtime "+runtime, runtime
	if commit != "" {
		what, add = what+" at commit "+commit, add+" --commit "+commit
	}
	hint := ""
	if near := catalog.Nearest(runtime); len(near) > 0 && !slices.Contains(catalog.Names(), runtime) {
		hint = fmt.Sprintf(" (did you mean %s?)", strings.Join(near, ", "))
	}
	return &withMessage{cause: ErrCommitGone, msg: fmt.Sprintf("%s has no %s%s: lambdabase list --repository %s and the call lambda.runtimes name those that are there, lambdabase mirror %s --to %s adds it",
		from, what, hint, from, add, from)}
}

// mirroredRuntimes are those that a mirror has.
func (r *request) mirroredRuntimes(ctx context.Context, from mirror.Location) (found []catalog.Runtime, err error) {
	if from.Layout != "" {
		err = r.withLayout(ctx, from, func(l Layout) error {
			found, err = l.Runtimes(ctx)
			return err
		})
		return found, err
	}
	_, config, err := r.imageConfig(ctx, from, mirror.CatalogTag)
	if err != nil && isMissingTag(err, from, mirror.CatalogTag) {
		return nil, errors.Errorf("%s is no mirror, or nothing is in it: it has no tag %s, which lambdabase mirror makes", from, mirror.CatalogTag)
	}
	if err != nil {
		return nil, err
	}
	return label.Catalog(from.Image(mirror.CatalogTag), config)
}
