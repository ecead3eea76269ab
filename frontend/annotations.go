package frontend

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"lambdabase/internal/redact"
	"lambdabase/llb/lambda2llb"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// Annotations are of the manifest: config and layers know nothing of them, so that only the digest of a manifest depends on the
// repository. See https://github.com/opencontainers/image-spec/blob/main/annotations.md

// annotateOrigin has the manifests of base images say where they come from, if that is asked for.
func (r *request) annotateOrigin(res *gateway.Result) error {
	return r.annotate(res, func(p exptypes.Platform, all []exptypes.Platform) (map[string]string, error) {
		if built := r.builtPlansFor(p, all); len(built) > 0 {
			return originAnnotations(built[0]), nil
		}
		return nil, nil
	})
}

// originAnnotations are none for a folder with a checkout, of which nobody says what commit it is of, or whether it is that.
func originAnnotations(p *lambda2llb.Plan) map[string]string {
	if p.Commit == "" {
		return nil
	}
	return map[string]string{
		ocispecs.AnnotationSource:   redact.Text(p.Repository),
		ocispecs.AnnotationRevision: p.Commit,
		ocispecs.AnnotationCreated:  p.Created.UTC().Format(time.RFC3339),
	}
}

// annotate adds annotations to the manifest of each platform of a result, if that is asked for.
func (r *request) annotate(res *gateway.Result, annotationsOf func(p exptypes.Platform, all []exptypes.Platform) (map[string]string, error)) error {
	if !r.Annotations {
		return nil
	}
	of, err := exptypes.ParsePlatforms(res.Metadata)
	if err != nil {
		return errors.Wrap(err, "platforms")
	}
	for _, p := range of.Platforms {
		found, err := annotationsOf(p, of.Platforms)
		if err != nil {
			return errors.Wrapf(err, "annotations of %s", p.ID)
		}
		for name, value := range found {
			res.AddMeta(manifestAnnotation(p, len(of.Platforms) == 1, name), []byte(value))
		}
	}
	return nil
}

// manifestAnnotation is the key of an annotation. That of a lone platform names none: BuildKit looks for no other where it writes a
// lone manifest (exporter/containerimage/writer.go of v0.33.1).
func manifestAnnotation(p exptypes.Platform, alone bool, name string) string {
	if alone {
		return exptypes.AnnotationManifestKey(nil, name)
	}
	return exptypes.AnnotationManifestKey(&p.Platform, name)
}

// registryImages are those of registries whose config a Dockerfile asked for.
type registryImages struct {
	mu    sync.Mutex
	found []registryImage
}

type registryImage struct {
	ref    string
	digest digest.Digest
	config []byte
}

func (i *registryImages) add(ref string, dgst digest.Digest, config []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.found = append(i.found, registryImage{ref, dgst, config})
}

// annotateBase has the manifests of a Dockerfile's images say which image of a registry they stand on, if that is asked for. A
// runtime is no image of any registry; there the label lambdabase.commit says it.
func (i *registryImages) annotateBase(r *request, res *gateway.Result) error {
	return r.annotate(res, func(p exptypes.Platform, _ []exptypes.Platform) (map[string]string, error) {
		base := exptypes.ParseKey(res.Metadata, exptypes.ExporterImageBaseConfigKey, &p)
		if len(base) == 0 {
			return nil, nil
		}
		image, err := i.withConfig(base)
		if err != nil || image == nil {
			return nil, err
		}
		named, err := reference.ParseNormalizedNamed(image.ref)
		if err != nil {
			return nil, err
		}
		return map[string]string{
			ocispecs.AnnotationBaseImageName:   reference.TagNameOnly(named).String(),
			ocispecs.AnnotationBaseImageDigest: image.digest.String(),
		}, nil
	})
}

// withConfig is the image of a config, which BuildKit has read and written anew, without the date where a build context has the
// image; nil if it is none of these. Of several names of one image it is the first in their order, so that the same Dockerfile
// always gets the same.
func (i *registryImages) withConfig(base []byte) (*registryImage, error) {
	var want dockerspec.DockerOCIImage
	if err := json.Unmarshal(base, &want); err != nil {
		return nil, errors.Wrap(err, "config of the base")
	}
	want.Created = nil
	i.mu.Lock()
	defer i.mu.Unlock()
	slices.SortFunc(i.found, func(a, b registryImage) int { return strings.Compare(a.ref, b.ref) })
	for _, image := range i.found {
		var config dockerspec.DockerOCIImage
		if json.Unmarshal(image.config, &config) != nil {
			continue
		}
		config.Created = nil
		if reflect.DeepEqual(config, want) {
			return &image, nil
		}
	}
	return nil, nil
}
