package lambda2llb

import (
	"fmt"

	"lambdabase/internal/lfs"

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
	Fallback Origin // asked for what the URL refuses; nil: nothing is
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
