package store

import (
	"context"
	"io"
	"time"

	"lambdabase/internal/mirror"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// Repository is one of a registry, of which images of any kind are read: asked as mirrors are, with Docker's credentials.
type Repository struct {
	registry     *registry
	stallTimeout time.Duration
}

// OpenRepository opens a repository by its full name, "registry.example/name". The registry is asked only when something of it is
// needed; by plain http, if that is said, or if it is on this machine.
func OpenRepository(name string, plainHTTP bool, o Options) (*Repository, error) {
	r, err := openRegistry(mirror.Location{Repository: name}, o)
	if err != nil {
		return nil, err
	}
	r.repo.PlainHTTP = r.repo.PlainHTTP || plainHTTP
	return &Repository{r, stallTimeout}, nil
}

// Resolve returns what a tag, or a digest, names. What isn't there is known by [IsNotFound].
func (r *Repository) Resolve(ctx context.Context, reference string) (ocispecs.Descriptor, error) {
	return r.registry.resolve(ctx, reference)
}

// Fetch returns a manifest or a blob, as it comes: who reads it verifies it. It ends where nothing comes any more.
func (r *Repository) Fetch(parent context.Context, blob ocispecs.Descriptor) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(parent)
	timer := time.AfterFunc(r.stallTimeout+answerTimeout, func() { cancel(errStalled) })
	content, err := r.registry.fetch(ctx, blob)
	if err != nil {
		timer.Stop()
		cancel(nil)
		return nil, err
	}
	timer.Reset(r.stallTimeout)
	return &stallReader{ReadCloser: content, ctx: ctx, cancel: cancel, timer: timer, timeout: r.stallTimeout}, nil
}

// stallReader ends a request whose content stops coming.
type stallReader struct {
	io.ReadCloser
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	timeout time.Duration
}

func (r *stallReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.timer.Reset(r.timeout)
	if err != nil && errors.Is(context.Cause(r.ctx), errStalled) {
		err = errStalled
	}
	return n, err
}

// Close ends the request.
func (r *stallReader) Close() error {
	r.timer.Stop()
	r.cancel(nil)
	return r.ReadCloser.Close()
}
