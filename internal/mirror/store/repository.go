package store

import (
	"context"
	"io"
	"time"

	"lambdabase/internal/mirror"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Repository is one of a registry, of which images of any kind are read: asked as mirrors are, with Docker's credentials.
type Repository struct{ registry *registry }

// OpenRepository opens a repository by its full name, "registry.example/name". The registry is asked only when something of it is
// needed; by plain http, if that is said, or if it is on this machine.
func OpenRepository(name string, plainHTTP bool, o Options) (*Repository, error) {
	if o.RetryDelay <= 0 {
		o.RetryDelay = time.Second
	}
	r, err := openRegistry(mirror.Location{Repository: name}, o)
	if err != nil {
		return nil, err
	}
	r.repo.PlainHTTP = r.repo.PlainHTTP || plainHTTP
	return &Repository{r}, nil
}

// Resolve returns what a tag, or a digest, names. What isn't there is known by [IsNotFound].
func (r *Repository) Resolve(ctx context.Context, reference string) (ocispecs.Descriptor, error) {
	return r.registry.resolve(ctx, reference)
}

// Fetch returns a manifest or a blob, as it comes: who reads it verifies it.
func (r *Repository) Fetch(ctx context.Context, blob ocispecs.Descriptor) (io.ReadCloser, error) {
	return r.registry.fetch(ctx, blob)
}
