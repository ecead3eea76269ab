package store

import (
	"context"
	"encoding/json"
	"slices"

	"lambdabase/internal/document"
	"lambdabase/internal/lfs"
	"lambdabase/internal/mirror"
	"lambdabase/internal/mirror/label"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"oras.land/oras-go/v2/content"
)

// What is read of an image at most, in bytes. A document in a label is escaped, and takes less than twice its size.
const (
	maxManifestSize = 4 << 20
	maxConfigSize   = 2 * document.MaxSize
)

// Snapshot is one that is in a mirror, or is to be: the document, and the image that has it.
type Snapshot struct {
	*document.Snapshot
	image image
}

// NewSnapshot makes the image of a document.
func NewSnapshot(d *document.Snapshot) (*Snapshot, error) {
	text, err := d.MarshalCompact()
	if err != nil {
		return nil, errors.Wrap(err, d.Runtime)
	}
	var layers []ocispecs.Descriptor
	for _, o := range d.Objects() {
		layers = append(layers, objectBlob(o))
	}
	made, err := newImage(d.Date, mirror.SnapshotLabel, string(text), layers)
	return &Snapshot{d, made}, errors.Wrap(err, d.Runtime)
}

// Digest returns that of the manifest.
func (s *Snapshot) Digest() digest.Digest { return s.image.manifest.Digest }

// Size returns that of the layers of the largest platform, packed, in bytes.
func (s *Snapshot) Size() (largest int64) {
	for _, p := range s.Platforms {
		var size int64
		for _, l := range p.Layers {
			size += l.Size
		}
		largest = max(largest, size)
	}
	return largest
}

// Snapshot reads the snapshot that a tag names, and checks it: its layers have to be the objects that its document names.
func (m *Mirror) Snapshot(ctx context.Context, tag string) (*Snapshot, error) {
	read, err := m.readImage(ctx, tag)
	if err != nil {
		return nil, errors.Wrap(err, m.ref(tag))
	}
	d, err := label.Snapshot(m.ref(tag), read.config.content)
	if err != nil {
		return nil, err
	}
	if !slices.EqualFunc(d.Objects(), read.layers, isLayer) {
		return nil, errors.Errorf("%s: the layers of the manifest aren't the objects of its document: it was changed, mirror it again", m.ref(tag))
	}
	if tag != tagOf(d) && tag != d.Runtime {
		return nil, errors.Errorf("%s is of runtime %s at commit %s: the tag says something else; mirror it again", m.ref(tag), d.Runtime, d.Commit)
	}
	return &Snapshot{d, read}, nil
}

func isLayer(o lfs.Object, layer ocispecs.Descriptor) bool {
	return layer.Digest == o.Digest() && layer.Size == o.Size
}

// readImage reads the image that a tag names.
func (m *Mirror) readImage(ctx context.Context, tag string) (read image, err error) {
	desc, err := m.resolve(ctx, tag)
	if err != nil {
		return image{}, err
	}
	if !isManifest(desc.MediaType) {
		return image{}, errors.Wrap(label.ErrMissing, desc.MediaType)
	}
	if read.manifest, err = m.readBlob(ctx, desc, maxManifestSize); err != nil {
		return image{}, errors.Wrap(err, "manifest")
	}
	var manifest ocispecs.Manifest
	if err := json.Unmarshal(read.manifest.content, &manifest); err != nil {
		return image{}, errors.Wrap(err, "manifest")
	}
	read.layers = manifest.Layers
	read.config, err = m.readBlob(ctx, manifest.Config, maxConfigSize)
	return read, errors.Wrap(err, "config")
}

// isManifest reports whether a media type is an image's. A tool may have made a Docker manifest of ours, which reads the same.
func isManifest(mediaType string) bool {
	return mediaType == ocispecs.MediaTypeImageManifest || mediaType == "application/vnd.docker.distribution.manifest.v2+json"
}

// readBlob reads a small blob, verified.
func (m *Mirror) readBlob(ctx context.Context, desc ocispecs.Descriptor, limit int64) (blob, error) {
	if desc.Size > limit {
		return blob{}, errors.Errorf("%d bytes, at most %d are expected", desc.Size, limit)
	}
	if err := desc.Digest.Validate(); err != nil {
		return blob{}, errors.Wrap(err, "digest")
	}
	r, err := m.fetch(ctx, desc)
	if IsNotFound(err) { // which is for a tag that isn't there
		err = errors.Errorf("%s is missing: mirror it again", desc.Digest)
	}
	if err != nil {
		return blob{}, err
	}
	defer r.Close()
	dt, err := content.ReadAll(r, desc)
	return blob{desc, dt}, errors.Wrap(err, desc.Digest.String())
}

// tagOf returns the tag of a snapshot's commit.
func tagOf(d *document.Snapshot) string { return d.Runtime + "-" + d.Commit }
