package contentstore

import (
	"context"
	"os"
	"path"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// layout has the blobs of an OCI layout. containerd's own store of a folder writes there to see what the file system can do.
type layout struct {
	ReadOnly
	dir string
}

// ReadIndex reads the index of an OCI layout, if the folder has one.
func ReadIndex(dir string) (index ocispecs.Index, found bool, err error) {
	file, err := os.Open(filepath.Join(dir, ocispecs.ImageIndexFile))
	if errors.Is(err, os.ErrNotExist) {
		return index, false, nil
	}
	if err != nil {
		return index, false, err
	}
	defer file.Close()
	return index, true, readJSON(file, ocispecs.ImageIndexFile, &index)
}

// NewLayout returns a store of the blobs of an OCI layout. Who reads one verifies it.
func NewLayout(dir string) content.Store { return layout{dir: dir} }

func (l layout) Info(_ context.Context, blob digest.Digest) (content.Info, error) {
	name, err := l.file(blob)
	if err != nil {
		return content.Info{}, err
	}
	st, err := os.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return content.Info{}, notThere(blob)
	case err != nil:
		return content.Info{}, err
	}
	return content.Info{Digest: blob, Size: st.Size(), CreatedAt: st.ModTime(), UpdatedAt: st.ModTime()}, nil
}

func (l layout) ReaderAt(_ context.Context, desc ocispecs.Descriptor) (content.ReaderAt, error) {
	name, err := l.file(desc.Digest)
	if err != nil {
		return nil, err
	}
	r, err := local.OpenReader(name)
	if errdefs.IsNotFound(err) {
		return nil, notThere(desc.Digest)
	}
	return r, err
}

// file is where a blob lies.
func (l layout) file(blob digest.Digest) (string, error) {
	name, err := blobFile(blob)
	return filepath.Join(l.dir, filepath.FromSlash(name)), err
}

// blobFile is where a layout has a blob: a digest that is one leads nowhere else.
func blobFile(blob digest.Digest) (string, error) {
	if err := blob.Validate(); err != nil {
		return "", errors.Wrap(errdefs.ErrInvalidArgument, err.Error())
	}
	return path.Join(ocispecs.ImageBlobsDir, blob.Algorithm().String(), blob.Encoded()), nil
}

func notThere(blob digest.Digest) error { return errors.Wrapf(errdefs.ErrNotFound, "blob %s", blob) }
