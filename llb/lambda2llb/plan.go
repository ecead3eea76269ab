// Package lambda2llb turns the plan of a base image into LLB, as dockerfile2llb does with a Dockerfile. It is pure: the
// same plan gives the same definition, and nothing here opens a file or a connection.
package lambda2llb

import (
	"path"
	"time"

	"lambdabase/internal/lfs"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Plan is everything that one base image is made of.
type Plan struct {
	Runtime          string                    `json:"runtime"`
	Repository       string                    `json:"repository"`
	LFSServer        string                    `json:"server,omitempty"` // of the LFS batch API, where it is not the repository's own
	Commit           string                    `json:"commit"`           // full id
	Created          time.Time                 `json:"created"`          // the commit's date, or SOURCE_DATE_EPOCH
	Platform         ocispecs.Platform         `json:"platform"`
	Recipe           File                      `json:"recipe"`
	Fallback         bool                      `json:"-"`                // what an object's own URL refuses, the batch API is asked for
	ForeignLFSServer string                    `json:"-"`                // the server that the repository's .lfsconfig names; not obeyed
	Layers           []Layer                   `json:"layers"`           // in the recipe's order
	Config           dockerspec.DockerOCIImage `json:"config"`           // as the recipe says
	Labels           map[string]string         `json:"labels,omitempty"` // the user's; ours win over them
}

// File is a file of the commit's tree.
type File struct {
	Path string `json:"path"`
	Data []byte `json:"-"`
}

// Layer is one "ADD <tarball> /" of the recipe.
type Layer struct {
	lfs.Object
	URL   string         `json:"url,omitempty"` // empty: a step asks the batch API
	Lines []parser.Range `json:"-"`             // where the recipe names it
	Empty bool           `json:"empty,omitempty"`

	// Attempt counts the times that the object was asked for before. A source that has failed stays failed within one
	// request (BuildKit v0.33.1); with another User-Agent it is another source.
	Attempt int `json:"-"`

	// Uncached says that what the cache has of the unpacked layer is wrong: BuildKit keeps an archive that it copied because
	// xz failed as if it were the layer, also once xz does what it should.
	Uncached bool `json:"-"`

	// InContext is a tarball that lies in the build context itself, at Path. It has no oid.
	InContext bool `json:"inContext,omitempty"`
}

// ArchiveName returns the name that the tarball has as a file.
func (l Layer) ArchiveName() string {
	if l.InContext {
		return path.Base(l.Path)
	}
	return l.OID
}
