package store

import (
	"cmp"
	"context"
	"io"
	"time"

	"lambdabase/internal/lfs"
	"lambdabase/internal/mirror"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"oras.land/oras-go/v2/errdef"
)

// Mirror is one that is open.
type Mirror struct {
	backend
	location   mirror.Location
	retryDelay time.Duration
}

// backend is what keeps the blobs and the tags. What isn't there is errdef.ErrNotFound.
type backend interface {
	// resolve returns what a tag names.
	resolve(ctx context.Context, tag string) (ocispecs.Descriptor, error)
	tags(ctx context.Context) ([]string, error)
	exists(ctx context.Context, blob ocispecs.Descriptor) (bool, error)
	fetch(ctx context.Context, blob ocispecs.Descriptor) (io.ReadCloser, error)
	// push writes a blob that isn't a manifest.
	push(ctx context.Context, blob ocispecs.Descriptor, content io.Reader) error
	// pushManifest writes a manifest, and has the tag name it.
	pushManifest(ctx context.Context, manifest ocispecs.Descriptor, content []byte, tag string) error
	// remove removes a manifest, and the tag that names it.
	remove(ctx context.Context, manifest ocispecs.Descriptor, tag string) error
	// sweep frees what nothing names any more, where that is this program's to do.
	sweep(ctx context.Context) (freed int64, err error)
	close() error
}

// Options say how a mirror is opened.
type Options struct {
	Write      bool          // or it is only read
	CABundle   []byte        // certificates in PEM to trust besides the system's; may be nil
	OnWait     func()        // called where another process writes to the layout, and is waited for; may be nil
	RetryDelay time.Duration // before the first further attempt; a second if 0
}

func (o Options) retryDelay() time.Duration { return cmp.Or(o.RetryDelay, time.Second) }

// Open opens a mirror. A registry is asked only when something of it is needed.
func Open(ctx context.Context, l mirror.Location, o Options) (*Mirror, error) {
	var b backend
	var err error
	if l.Layout != "" {
		b, err = openLayout(ctx, l.Layout, o)
	} else {
		b, err = openRegistry(l, o)
	}
	if err != nil {
		return nil, errors.Wrap(err, l.String())
	}
	return &Mirror{backend: b, location: l, retryDelay: o.retryDelay()}, nil
}

// Close lets others write to the mirror.
func (m *Mirror) Close() error { return m.close() }

// String returns where the mirror is.
func (m *Mirror) String() string { return m.location.String() }

// ref returns the name of a tag, as errors have it.
func (m *Mirror) ref(tag string) string { return m.location.String() + ":" + tag }

// objectBlob is an object as a blob.
func objectBlob(o lfs.Object) ocispecs.Descriptor {
	return ocispecs.Descriptor{MediaType: mirror.ObjectMediaType, Digest: o.Digest(), Size: o.Size}
}

// IsNotFound reports whether an error is that something isn't in a mirror.
func IsNotFound(err error) bool { return errors.Is(err, errdef.ErrNotFound) }
