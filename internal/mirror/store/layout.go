package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"lambdabase/internal/flock"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/errdef"
)

// layout is a mirror in an OCI layout. One process writes at a time: it has the lock of the folder.
//
// Blobs are kept by oras; the index is ours: its Store writes that in place, so that a kill may leave half of it, and
// reads it once, so that it loses what others wrote since.
type layout struct {
	*oci.Storage
	dir  string
	lock *os.File // nil: it is only read
	mu   sync.Mutex
}

func openLayout(ctx context.Context, dir string, o Options) (*layout, error) {
	l := &layout{dir: dir}
	if o.Write {
		if err := l.acquire(ctx, o.OnWait); err != nil {
			return nil, err
		}
		if err := l.create(); err != nil {
			return nil, l.closeAfter(err)
		}
	}
	if err := l.check(); err != nil {
		return nil, l.closeAfter(err)
	}
	var err error
	l.Storage, err = oci.NewStorage(dir)
	if err == nil && o.Write {
		err = os.RemoveAll(l.ingestDir()) // of a process that was killed
	}
	return l, l.closeAfter(err)
}

// create makes the folder a layout, if there is nothing in it but what a process that was killed left.
func (l *layout) create() error {
	entries, err := os.ReadDir(l.dir)
	if err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !strings.HasPrefix(e.Name(), tempPrefix) }) {
		return err
	}
	dt, err := json.Marshal(ocispecs.ImageLayout{Version: ocispecs.ImageLayoutVersion})
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(l.dir, ocispecs.ImageLayoutFile), dt)
}

// check says why a folder is no layout.
func (l *layout) check() error {
	dt, err := os.ReadFile(filepath.Join(l.dir, ocispecs.ImageLayoutFile))
	if errors.Is(err, fs.ErrNotExist) {
		return errors.Errorf("it is no OCI layout: there is no file %s in it", ocispecs.ImageLayoutFile)
	}
	if err != nil {
		return err
	}
	var version ocispecs.ImageLayout
	if err := json.Unmarshal(dt, &version); err != nil || version.Version != ocispecs.ImageLayoutVersion {
		return errors.Errorf("its file %s says no version that is known", ocispecs.ImageLayoutFile)
	}
	return nil
}

// acquire waits for other processes that write.
func (l *layout) acquire(ctx context.Context, onWait func()) (err error) {
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return err
	}
	if l.lock, err = os.Open(l.dir); err != nil {
		return err
	}
	for first := true; ; first = false {
		if locked, err := flock.TryLock(l.lock); locked || err != nil {
			return l.closeAfter(errors.Wrap(err, "lock"))
		}
		if first && onWait != nil {
			onWait()
		}
		if err := flock.Wait(ctx); err != nil {
			return l.closeAfter(err)
		}
	}
}

func (l *layout) ingestDir() string { return filepath.Join(l.dir, "ingest") }

func (l *layout) close() error {
	if l.lock == nil {
		return nil
	}
	_ = os.Remove(l.ingestDir()) // unless there is something in it
	return l.lock.Close()
}

func (l *layout) closeAfter(err error) error {
	if err != nil && l.lock != nil {
		l.lock.Close()
	}
	return err
}

func (l *layout) blobFile(blob ocispecs.Descriptor) string {
	return filepath.Join(l.dir, ocispecs.ImageBlobsDir, blob.Digest.Algorithm().String(), blob.Digest.Encoded())
}

// exists reads a file that stands for the blob, where it can be written anew: one that a crash left, or a medium damaged, goes.
func (l *layout) exists(ctx context.Context, blob ocispecs.Descriptor) (bool, error) {
	if err := blob.Digest.Validate(); err != nil {
		return false, err
	}
	info, err := os.Stat(l.blobFile(blob))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || l.lock == nil {
		return err == nil && info.Size() == blob.Size, err
	}
	var damaged *corruptError
	if err = l.verify(ctx, blob); errors.As(err, &damaged) {
		return false, os.Remove(l.blobFile(blob))
	}
	return err == nil, err
}

func (l *layout) verify(ctx context.Context, blob ocispecs.Descriptor) error {
	content, err := l.fetch(ctx, blob)
	if err != nil {
		return err
	}
	defer content.Close()
	stop := context.AfterFunc(ctx, func() { content.Close() })
	defer stop()
	_, err = io.Copy(io.Discard, newVerifier(content, blob))
	return err
}

func (l *layout) fetch(ctx context.Context, blob ocispecs.Descriptor) (io.ReadCloser, error) {
	return l.Fetch(ctx, blob)
}

func (l *layout) push(ctx context.Context, blob ocispecs.Descriptor, content io.Reader) error {
	if err := l.Push(ctx, blob, content); err != nil {
		return ignoreExisting(err)
	}
	return syncFile(l.blobFile(blob))
}

func (l *layout) pushManifest(ctx context.Context, manifest ocispecs.Descriptor, content []byte, tag string) error {
	if err := l.push(ctx, manifest, bytes.NewReader(content)); err != nil {
		return err
	}
	return l.changeIndex(func(index *ocispecs.Index) { setTag(index, manifest, tag) })
}

func (l *layout) remove(_ context.Context, manifest ocispecs.Descriptor, tag string) error {
	return l.changeIndex(func(index *ocispecs.Index) { removeTag(index, manifest, tag) })
}

func (l *layout) tags(context.Context) ([]string, error) {
	index, err := l.readIndex()
	return indexTags(index), err
}

func (l *layout) resolve(_ context.Context, tag string) (ocispecs.Descriptor, error) {
	index, err := l.readIndex()
	if err != nil {
		return ocispecs.Descriptor{}, err
	}
	if desc, ok := findTag(index, tag); ok {
		return desc, nil
	}
	return ocispecs.Descriptor{}, fmt.Errorf("tag %s: %w", tag, errdef.ErrNotFound)
}

func ignoreExisting(err error) error {
	if errors.Is(err, errdef.ErrAlreadyExists) {
		return nil
	}
	return err
}
