package lambda2llb

import (
	"fmt"
	"os"

	"lambdabase/internal/lfs"
	"lambdabase/internal/mirror"

	"github.com/moby/buildkit/client/llb"
)

// Origin is where the archive of a layer comes from. Each kind of origin is a type of this file; frontend/origin.go chooses
// one for an object.
type Origin interface {
	fmt.Stringer // as a plan shows it; empty for what is no object

	// source returns the state that the archive is a file of.
	source(c *Converter, a Attempt) llb.State
}

// HTTPOrigin is an object's own URL, which an HTTP source fetches.
type HTTPOrigin struct {
	Address  string
	Fallback Origin          // asked for what the URL refuses; nil: nothing is
	Mirror   mirror.Location // whose blob it is, where BuildKit has no source for such; zero: of none
}

func (u HTTPOrigin) String() string { return u.Address }

// BuildKit's cache key of an HTTP source holds name and checksum but not the URL: with the oid as the name, runtimes and
// mirrors share what was fetched; with the branch's own name for it they wouldn't.
func (u HTTPOrigin) source(c *Converter, a Attempt) llb.State {
	opts := []llb.HTTPOption{llb.Checksum(a.Digest()), llb.Filename(a.OID)}
	if a.Number > 0 {
		opts = append(opts, llb.Header(llb.HTTPHeader{UserAgent: fmt.Sprintf("lambdabase (attempt %d)", a.Number+1)}))
	}
	for _, o := range c.vertexOpts("fetch", a.Layer) {
		opts = append(opts, o)
	}
	return llb.HTTP(u.Address, opts...)
}

// BlobOrigin is a blob of a mirror: of a registry, which the daemon asks as for any image, or of an OCI layout in the
// client's session.
type BlobOrigin struct {
	Mirror  mirror.Location
	Session string // the client's, for a layout: another client's may lie elsewhere
}

func (b BlobOrigin) String() string { return b.Mirror.String() }

// BuildKit's cache key of a blob holds digest, name and mode, and not where it is.
func (b BlobOrigin) source(c *Converter, a Attempt) llb.State {
	opts := []llb.ImageBlobOption{llb.Filename(a.OID)}
	if a.Number > 0 {
		opts = append(opts, llb.Chmod(retryMode(a.Number)))
	}
	for _, o := range c.vertexOpts("fetch", a.Layer) {
		opts = append(opts, o)
	}
	if b.Mirror.Layout == "" {
		return llb.ImageBlob(b.Mirror.Repository+"@"+a.Digest().String(), opts...)
	}
	opts = append(opts, llb.ImageBlobOCIStore(b.Session, mirror.StoreID))
	return llb.OCILayoutBlob("lambdabase.local/mirror@"+a.Digest().String(), opts...)
}

// retryMode makes another source of a blob that was asked for before: one that has failed stays failed. Nothing else of a blob's
// source can differ but mode and owner. The first is the mode that a blob has anyway, so that what is unpacked of it is
// found by its content; the second is one of its own.
func retryMode(attempt int) os.FileMode {
	if attempt == 1 {
		return 0o600
	}
	return 0o400
}

// LFSOrigin is the batch API, which a step asks, or the client in whose store the object is then.
type LFSOrigin struct {
	Repository string
	Server     string // where it is not the repository's own
}

func (l LFSOrigin) String() string {
	if l.Server != "" {
		return "lfs+" + l.Server
	}
	if own, err := lfs.ServerURL(l.Repository); err == nil {
		return "lfs+" + own
	}
	return "lfs"
}

func (l LFSOrigin) source(c *Converter, a Attempt) llb.State {
	if c.store != "" {
		return c.blob(a)
	}
	return c.step.fetch(l, a, c.vertexOpts("fetch", a.Layer)...)
}

// ContextOrigin is the build context, in which the tarball itself lies at the layer's path. It has no oid.
type ContextOrigin struct {
	State llb.State
}

func (ContextOrigin) String() string { return "" }

func (o ContextOrigin) source(*Converter, Attempt) llb.State { return o.State }
