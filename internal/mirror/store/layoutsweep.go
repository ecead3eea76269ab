package store

import (
	"context"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"oras.land/oras-go/v2/content"
)

// sweep removes the blobs that nothing in the index names, be it through other manifests. (GC of oras would also remove what
// the index has without a tag, which may be somebody's.)
func (l *layout) sweep(ctx context.Context) (freed int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	index, err := l.readIndex()
	if err != nil {
		return 0, err
	}
	named := map[digest.Digest]bool{}
	for _, desc := range index.Manifests {
		if err := l.mark(ctx, desc, named); err != nil {
			return 0, err
		}
	}
	files, err := filepath.Glob(filepath.Join(l.dir, ocispecs.ImageBlobsDir, "*", "*"))
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		dgst := digest.NewDigestFromEncoded(digest.Algorithm(filepath.Base(filepath.Dir(file))), filepath.Base(file))
		info, err := os.Lstat(file)
		if err != nil || named[dgst] || dgst.Validate() != nil || !info.Mode().IsRegular() {
			continue
		}
		if err := os.Remove(file); err != nil {
			return freed, err
		}
		freed += info.Size()
	}
	return freed, nil
}

// mark marks a blob and all that it names.
func (l *layout) mark(ctx context.Context, desc ocispecs.Descriptor, named map[digest.Digest]bool) error {
	if named[desc.Digest] {
		return nil
	}
	named[desc.Digest] = true
	next, err := content.Successors(ctx, l.Storage, desc)
	if err != nil {
		return errors.Wrapf(err, "what %s names", desc.Digest)
	}
	for _, d := range next {
		if err := l.mark(ctx, d, named); err != nil {
			return err
		}
	}
	return nil
}
