package sandbox

import (
	"encoding/json"
	"io"

	"github.com/containerd/containerd/v2/pkg/archive/compression"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"

	"lambdabase/test/fstree"
)

// attestationKey is on the descriptors of provenance and SBOM, which stand beside the images in an index.
const attestationKey = "vnd.docker.reference.type"

// Image is one platform of an OCI archive.
type Image struct {
	Platform ocispecs.Platform // as the config says it
	Digest   digest.Digest     // of the manifest
	Manifest ocispecs.Manifest
	Config   []byte
	Layers   []Layer // the lowest first
}

// Layer is a blob of the archive; it can be read as long as the archive is there.
type Layer struct {
	Descriptor ocispecs.Descriptor
	DiffID     digest.Digest
	archive    *archive
}

// ReadOCI reads the images of an OCI archive, attestations left out.
func ReadOCI(file string) ([]Image, error) {
	a, err := openArchive(file)
	if err != nil {
		return nil, err
	}
	r, err := a.open(ocispecs.ImageIndexFile)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var index ocispecs.Index
	if err := json.NewDecoder(r).Decode(&index); err != nil {
		return nil, errors.Wrap(err, ocispecs.ImageIndexFile)
	}
	return a.images(index)
}

func (a *archive) images(index ocispecs.Index) ([]Image, error) {
	var images []Image
	for _, desc := range index.Manifests {
		found, err := a.imagesOf(desc)
		if err != nil {
			return nil, errors.Wrapf(err, "manifest %s", desc.Digest)
		}
		images = append(images, found...)
	}
	return images, nil
}

func (a *archive) imagesOf(desc ocispecs.Descriptor) ([]Image, error) {
	if desc.Annotations[attestationKey] != "" {
		return nil, nil
	}
	switch desc.MediaType {
	case ocispecs.MediaTypeImageIndex, "application/vnd.docker.distribution.manifest.list.v2+json":
		var index ocispecs.Index
		if err := a.blobJSON(desc.Digest, &index); err != nil {
			return nil, err
		}
		return a.images(index)
	}
	image, err := a.image(desc.Digest)
	return []Image{image}, err
}

func (a *archive) image(manifest digest.Digest) (Image, error) {
	image := Image{Digest: manifest}
	if err := a.blobJSON(manifest, &image.Manifest); err != nil {
		return image, err
	}
	data, err := a.blob(image.Manifest.Config.Digest)
	if err != nil {
		return image, err
	}
	var config ocispecs.Image
	if err := json.Unmarshal(data, &config); err != nil {
		return image, errors.Wrap(err, "config")
	}
	if len(config.RootFS.DiffIDs) != len(image.Manifest.Layers) {
		return image, errors.Errorf("%d diff IDs for %d layers", len(config.RootFS.DiffIDs), len(image.Manifest.Layers))
	}
	image.Platform, image.Config = config.Platform, data
	for i, desc := range image.Manifest.Layers {
		image.Layers = append(image.Layers, Layer{Descriptor: desc, DiffID: config.RootFS.DiffIDs[i], archive: a})
	}
	return image, nil
}

// Tree is the root file system of the layers.
func (i Image) Tree() (fstree.Tree, error) {
	var layers []io.Reader
	for _, layer := range i.Layers {
		r, err := layer.Open()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		layers = append(layers, r)
	}
	return fstree.FromLayers(layers...)
}

// Open reads the decompressed layer.
func (l Layer) Open() (io.ReadCloser, error) {
	blob, err := l.archive.open(blobName(l.Descriptor.Digest))
	if err != nil {
		return nil, err
	}
	plain, err := compression.DecompressStream(blob)
	if err != nil {
		blob.Close()
		return nil, errors.Wrapf(err, "layer %s", l.Descriptor.Digest)
	}
	return layerReader{plain, plain, blob}, nil
}

// layerReader closes a decompressor and what it reads from.
type layerReader struct {
	io.Reader
	plain, blob io.Closer
}

func (o layerReader) Close() error {
	err := o.plain.Close()
	if blobErr := o.blob.Close(); err == nil {
		err = blobErr
	}
	return err
}
