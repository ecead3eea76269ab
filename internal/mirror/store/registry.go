package store

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lambdabase/internal/httpclient"
	"lambdabase/internal/mirror"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	orasregistry "oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/errcode"
	"oras.land/oras-go/v2/registry/remote/retry"
)

// answerTimeout is how long a registry may take to answer: once it has a large blob, it may move it before it does.
const answerTimeout = 5 * time.Minute

// registry is a mirror in a repository of a registry.
type registry struct {
	repo *remote.Repository
	host string
}

// openRegistry has Docker's credentials, which are looked up once the registry asks for any.
func openRegistry(l mirror.Location, o Options) (*registry, error) {
	repo, err := remote.NewRepository(l.Repository)
	if err != nil {
		return nil, err
	}
	docker, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
	if err != nil {
		return nil, errors.Wrap(err, "Docker's credentials")
	}
	transport := httpclient.NewTransport(answerTimeout)
	if o.CABundle != nil {
		if err := httpclient.TrustCA(transport, o.CABundle); err != nil {
			return nil, errors.Wrap(err, "certificates")
		}
	}
	guard := httpclient.NewGuard(transport, (&url.URL{Host: l.Host()}).Hostname())
	client := &auth.Client{
		Client:     &http.Client{Transport: &retry.Transport{Base: guard, Policy: retryPolicy(o.retryDelay())}},
		Credential: credentials.Credential(docker),
		Cache:      auth.NewCache(),
	}
	client.SetUserAgent("lambdabase")
	repo.Client, repo.PlainHTTP = client, l.IsPlainHTTP()
	return &registry{repo, l.Host()}, nil
}

// retryPolicy is for requests that can be made again as they are: those without a body, and those with a small one.
func retryPolicy(delay time.Duration) func() retry.Policy {
	return func() retry.Policy {
		return &retry.GenericPolicy{
			Retryable: retry.DefaultPredicate, Backoff: retry.ExponentialBackoff(delay, 2, 0.1), MinWait: delay, MaxWait: 8 * delay, MaxRetry: maxAttempts - 1,
		}
	}
}

func (r *registry) resolve(ctx context.Context, tag string) (ocispecs.Descriptor, error) {
	desc, err := r.repo.Resolve(ctx, tag)
	return desc, r.explain(err)
}

func (r *registry) tags(ctx context.Context) (tags []string, err error) {
	err = r.repo.Tags(ctx, "", func(page []string) error {
		tags = append(tags, page...)
		return nil
	})
	if isCode(err, http.StatusNotFound) { // nothing was pushed yet
		return nil, nil
	}
	return tags, r.explain(err)
}

func (r *registry) exists(ctx context.Context, blob ocispecs.Descriptor) (bool, error) {
	found, err := r.repo.Exists(ctx, blob)
	return found, r.explain(err)
}

func (r *registry) fetch(ctx context.Context, blob ocispecs.Descriptor) (io.ReadCloser, error) {
	content, err := r.repo.Fetch(ctx, blob)
	return content, r.explain(err)
}

func (r *registry) push(ctx context.Context, blob ocispecs.Descriptor, content io.Reader) error {
	return r.explain(r.repo.Blobs().Push(ctx, blob, content))
}

func (r *registry) pushManifest(ctx context.Context, manifest ocispecs.Descriptor, content []byte, tag string) error {
	return r.explain(r.repo.PushReference(ctx, manifest, bytes.NewReader(content), tag))
}

// mount takes a blob from another repository of the registry, or else gets its content.
func (r *registry) mount(ctx context.Context, blob ocispecs.Descriptor, from *registry, content func() (io.ReadCloser, error)) error {
	mounter, ok := r.repo.Blobs().(orasregistry.Mounter)
	if !ok {
		return errors.New("blobs can't be mounted")
	}
	return r.explain(mounter.Mount(ctx, blob, from.repo.Reference.Repository, content))
}

// remove removes a manifest by its digest, which most registries remove the tags with, and the tag where it is still there.
func (r *registry) remove(ctx context.Context, manifest ocispecs.Descriptor, tag string) error {
	if err := r.repo.Delete(ctx, manifest); err != nil && !IsNotFound(err) {
		return r.explain(err)
	}
	found, err := r.resolve(ctx, tag)
	if IsNotFound(err) || err == nil && found.Digest != manifest.Digest {
		return nil
	}
	return r.removeTag(ctx, tag)
}

// removeTag removes a tag alone, for which oras has no call.
func (r *registry) removeTag(ctx context.Context, tag string) error {
	ref := r.repo.Reference
	ref.Reference = tag
	scheme := "https"
	if r.repo.PlainHTTP {
		scheme = "http"
	}
	url := strings.Join([]string{scheme + ":/", ref.Host(), "v2", ref.Repository, "manifests", tag}, "/")
	req, err := http.NewRequestWithContext(auth.AppendRepositoryScope(ctx, ref, auth.ActionDelete), http.MethodDelete, url, nil)
	if err != nil {
		return err
	}
	res, err := r.repo.Client.Do(req)
	if err != nil {
		return r.explain(err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusAccepted || res.StatusCode == http.StatusNotFound {
		return nil
	}
	return r.explain(&errcode.ErrorResponse{Method: req.Method, URL: req.URL, StatusCode: res.StatusCode})
}

// sweep does nothing: what is free is for the registry's own garbage collection.
func (r *registry) sweep(context.Context) (int64, error) { return 0, nil }

func (r *registry) close() error { return nil }
