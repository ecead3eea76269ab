package store

import (
	"encoding/json"
	"strings"
	"time"

	"lambdabase/internal/mirror"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// image is a manifest and its config, as they are written.
type image struct {
	manifest, config blob
	layers           []ocispecs.Descriptor
}

// blob is a small one.
type blob struct {
	ocispecs.Descriptor
	content []byte
}

func newBlob(mediaType string, v any) (blob, error) {
	dt, err := json.Marshal(v)
	return blob{ocispecs.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(dt), Size: int64(len(dt))}, dt}, errors.Wrap(err, "image")
}

// newImage makes the image that has a text as a label, and blobs as layers. The same ones give the same image at any time.
//
// Tools that copy images look for a diff ID of each layer. Nobody unpacks a mirror, so these are the layers' own digests.
func newImage(date time.Time, label, text string, layers []ocispecs.Descriptor) (image, error) {
	os, arch, _ := strings.Cut(mirror.Platform, "/")
	date = date.UTC()
	config := ocispecs.Image{
		Created:  &date,
		Platform: ocispecs.Platform{OS: os, Architecture: arch},
		Config:   ocispecs.ImageConfig{Labels: map[string]string{label: text}},
		RootFS:   ocispecs.RootFS{Type: "layers"},
	}
	for _, l := range layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, l.Digest)
	}
	made := image{layers: layers}
	var err error
	if made.config, err = newBlob(ocispecs.MediaTypeImageConfig, config); err != nil {
		return image{}, err
	}
	made.manifest, err = newBlob(ocispecs.MediaTypeImageManifest, ocispecs.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispecs.MediaTypeImageManifest,
		Config:    made.config.Descriptor,
		Layers:    layers,
	})
	return made, err
}
