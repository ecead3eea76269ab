package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"

	"lambdabase/internal/contentstore"
	"lambdabase/internal/lambdarules"
	"lambdabase/internal/printable"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// savedManifest is the file that docker save writes of each image where it writes no OCI archive, and other tools do.
const savedManifest = "manifest.json"

// maxConfigSize is the size in bytes of a config at most.
const maxConfigSize = 4 << 20

// savedFiles has the files of an image of docker save under the digests of their content.
type savedFiles struct {
	archive *contentstore.Archive
	names   map[digest.Digest]string
}

func (s savedFiles) Fetch(_ context.Context, blob ocispecs.Descriptor) (io.ReadCloser, error) {
	r, ok := s.archive.Open(s.names[blob.Digest])
	if !ok {
		return nil, errors.New("it isn't in the archive")
	}
	return io.NopCloser(r), nil
}

// openSaved opens the only image of an archive of docker save.
func openSaved(archive *contentstore.Archive) (image lambdarules.Image, err error) {
	var all []struct {
		Config string
		Layers []string
	}
	found, err := archive.ReadJSON(savedManifest, &all)
	if err != nil {
		return image, err
	}
	if !found {
		return image, errors.Errorf("no image is in it: neither %s nor %s", ocispecs.ImageIndexFile, savedManifest)
	}
	if len(all) != 1 {
		return image, errors.Errorf("it has %d images, want one", len(all))
	}
	files := savedFiles{archive, map[digest.Digest]string{}}
	manifest := &ocispecs.Manifest{}
	var config ocispecs.Image
	if manifest.Config, err = files.addConfig(all[0].Config, &config); err != nil {
		return image, err
	}
	if len(config.RootFS.DiffIDs) != len(all[0].Layers) {
		return image, errors.Errorf("it has %d layers, and its config names %d", len(all[0].Layers), len(config.RootFS.DiffIDs))
	}
	for i, name := range all[0].Layers {
		layer, err := files.addLayer(name, config.RootFS.DiffIDs[i])
		if err != nil {
			return image, err
		}
		manifest.Layers = append(manifest.Layers, layer)
	}
	return lambdarules.Image{Fetcher: files, Saved: manifest}, nil
}

func (s savedFiles) addConfig(name string, into *ocispecs.Image) (desc ocispecs.Descriptor, err error) {
	r, ok := s.archive.Open(name)
	if !ok || r.Size() > maxConfigSize {
		return desc, errors.Errorf("its config %s isn't there, or is too large", printable.Name(name))
	}
	dt, err := io.ReadAll(r)
	if err != nil {
		return desc, errors.Wrap(err, "config")
	}
	desc = ocispecs.Descriptor{MediaType: images.MediaTypeDockerSchema2Config, Digest: digest.FromBytes(dt), Size: r.Size()}
	s.names[desc.Digest] = name
	return desc, errors.Wrap(json.Unmarshal(dt, into), "config")
}

// addLayer adds a layer. The config has the digest of what isn't compressed; some tools compress it nevertheless.
func (s savedFiles) addLayer(name string, diffID digest.Digest) (desc ocispecs.Descriptor, err error) {
	r, ok := s.archive.Open(name)
	if !ok {
		return desc, errors.Errorf("its layer %s isn't there", printable.Name(name))
	}
	desc = ocispecs.Descriptor{Digest: diffID, Size: r.Size()}
	head := make([]byte, 2)
	if _, err := r.ReadAt(head, 0); err == nil && bytes.Equal(head, []byte{0x1f, 0x8b}) {
		if desc.Digest, err = digest.FromReader(r); err != nil {
			return desc, errors.Wrap(err, "layer")
		}
	}
	s.names[desc.Digest] = name
	return desc, nil
}
