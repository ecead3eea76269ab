package lambdarules

import (
	"bytes"
	"context"
	"encoding/json"
	"io"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// Fetcher reads the blobs of an image, as clients of registries have it. They are verified here.
type Fetcher interface {
	Fetch(ctx context.Context, blob ocispecs.Descriptor) (io.ReadCloser, error)
}

// Image is an image to check.
type Image struct {
	Fetcher
	Root ocispecs.Descriptor // a manifest or an index

	// Saved is the manifest of what docker save wrote, which has none: the layers are as docker push packs them anew. They have
	// no media type.
	Saved *ocispecs.Manifest
}

// maxDocument is the size in bytes of a manifest, an index or a config at most: registries take no larger manifest.
const maxDocument = 4 << 20

// readJSON reads a small blob.
func (i Image) readJSON(ctx context.Context, blob ocispecs.Descriptor, into any) error {
	if blob.Size > maxDocument {
		return errors.Errorf("%s has %d bytes, which is more than any has", blob.Digest, blob.Size)
	}
	r, err := i.open(ctx, blob)
	if err != nil {
		return err
	}
	defer r.Close()
	dt, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return errors.Wrap(json.NewDecoder(bytes.NewReader(dt)).Decode(into), blob.Digest.String())
}

// open returns a blob's content, which ends with an error where it isn't the blob.
func (i Image) open(ctx context.Context, blob ocispecs.Descriptor) (io.ReadCloser, error) {
	if err := blob.Digest.Validate(); err != nil {
		return nil, errors.Wrap(err, "digest")
	}
	r, err := i.Fetch(ctx, blob)
	if err != nil {
		return nil, errors.Wrap(err, blob.Digest.String())
	}
	return &verifier{ReadCloser: r, blob: blob, left: blob.Size, hash: blob.Digest.Algorithm().Hash()}, nil
}
