package lambdarules

import (
	"context"
	"fmt"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/platforms"
	"github.com/moby/buildkit/util/attestation"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

const (
	attestationAdvice = "build without them: --provenance=false --sbom=false (buildx), attest=[] in bake"
	singleAdvice      = "build and push one platform under a name: --platform linux/amd64, or linux/arm64"
)

// chooseManifest returns the manifest to look at, with its media type; nil if an index has several, and none was asked for.
func (c *checker) chooseManifest(ctx context.Context) (*ocispecs.Manifest, string, error) {
	root := c.image.Root
	if c.image.Saved != nil {
		c.set(SingleManifest, OK, "an archive of docker save", "")
		c.set(Attestations, OK, "none", "")
		return c.image.Saved, "", nil
	}
	if images.IsIndexType(root.MediaType) {
		var err error
		if root, err = c.chooseOfIndex(ctx); err != nil || root.Digest == "" {
			return nil, "", err
		}
	} else {
		c.set(SingleManifest, OK, "one manifest, no index", "")
		c.set(Attestations, OK, "none", "")
	}
	var m ocispecs.Manifest
	if err := c.image.readJSON(ctx, root, &m); err != nil {
		return nil, "", errors.Wrap(err, "manifest")
	}
	return &m, root.MediaType, nil
}

// chooseOfIndex judges an index, and returns the image of the platform that was asked for, or its only one.
func (c *checker) chooseOfIndex(ctx context.Context) (chosen ocispecs.Descriptor, err error) {
	var index ocispecs.Index
	if err := c.image.readJSON(ctx, c.image.Root, &index); err != nil {
		return chosen, errors.Wrap(err, "index")
	}
	candidates, attached := partIndex(index)
	c.judgeIndex(candidates, attached)
	if c.options.Platform == nil && len(candidates) == 1 {
		return candidates[0], nil
	}
	for _, d := range candidates {
		if c.options.Platform != nil && d.Platform != nil && platforms.Only(*c.options.Platform).Match(*d.Platform) {
			return d, nil
		}
	}
	if c.options.Platform != nil {
		return chosen, errors.Errorf("the index has no image for %s, but %s", platforms.FormatAll(*c.options.Platform), listed(platformNames(candidates)))
	}
	return chosen, nil
}

// partIndex tells images from what is attached to them.
func partIndex(index ocispecs.Index) (candidates []ocispecs.Descriptor, attached int) {
	for _, d := range index.Manifests {
		if d.Annotations[attestation.DockerAnnotationReferenceType] != "" || d.ArtifactType != "" {
			attached++
		} else {
			candidates = append(candidates, d)
		}
	}
	return candidates, attached
}

func (c *checker) judgeIndex(candidates []ocispecs.Descriptor, attached int) {
	if attached > 0 {
		c.set(Attestations, Failed, fmt.Sprintf("%d, which make the image an index", attached), attestationAdvice)
	} else {
		c.set(Attestations, OK, "none", "")
	}
	switch {
	case len(candidates) == 1 && attached > 0:
		c.set(SingleManifest, Skipped, "it is an index for its attestations", "")
	case len(candidates) == 1:
		c.set(SingleManifest, Failed, "an index, of "+listed(platformNames(candidates)), "push the manifest in it, and not the index")
	default:
		c.set(SingleManifest, Failed, fmt.Sprintf("an index of %d images: %s", len(candidates), listed(platformNames(candidates))), singleAdvice)
	}
}

func platformNames(all []ocispecs.Descriptor) (names []string) {
	for _, d := range all {
		if d.Platform == nil {
			names = append(names, "no platform")
		} else {
			names = append(names, shown(platforms.FormatAll(*d.Platform)))
		}
	}
	return names
}
