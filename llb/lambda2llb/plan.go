// Package lambda2llb turns the plan of a base image into LLB, as dockerfile2llb does with a Dockerfile. It is pure: the
// same plan gives the same definition, and nothing here opens a file or a connection.
package lambda2llb

import (
	"encoding/json"
	"path"
	"time"

	"lambdabase/internal/lfs"
	"lambdabase/internal/mirror"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Plan is everything that one base image is made of. It stays as it is made: what comes of its layers is told by a RootFS.
type Plan struct {
	Runtime          string                    `json:"runtime"`
	Repository       string                    `json:"repository"`
	Mirror           MirroredImage             `json:"-"`                // that the snapshot was read from
	LFSServer        string                    `json:"server,omitempty"` // of the LFS batch API, where it is not the repository's own
	Commit           string                    `json:"commit"`           // full id
	Created          time.Time                 `json:"created"`          // the commit's date, or SOURCE_DATE_EPOCH
	Platform         ocispecs.Platform         `json:"platform"`
	Recipe           File                      `json:"recipe"`
	Workdir          []parser.Range            `json:"-"`                 // where the recipe has WORKDIR
	Lock             string                    `json:"-"`                 // lock file that it is of, if it is of one
	ForeignLFSServer string                    `json:"-"`                 // the server that the repository's .lfsconfig names; not obeyed
	Layers           []Layer                   `json:"layers"`            // in the recipe's order
	Config           dockerspec.DockerOCIImage `json:"config"`            // as the recipe says
	Labels           map[string]string         `json:"labels,omitempty"`  // the user's; ours win over them
	Exclude          []string                  `json:"exclude,omitempty"` // paths that are left out of the layers
}

// MirroredImage is an image of a mirror; zero where the snapshot is of git, or of a lock file.
type MirroredImage struct {
	Location mirror.Location
	Digest   digest.Digest // of the manifest
}

// File is a file of the commit's tree.
type File struct {
	Path string `json:"path"`
	Data []byte `json:"-"`
}

// Layer is one "ADD <tarball> /" of the recipe.
type Layer struct {
	lfs.Object
	Origin Origin
	Lines  []parser.Range // where the recipe names it
}

// IsObject reports whether the archive is an object of Git LFS, which has an oid. Otherwise it is a file of the build context.
func (l Layer) IsObject() bool { return l.OID != "" }

// ArchiveName returns the name that the tarball has as a file.
func (l Layer) ArchiveName() string {
	if !l.IsObject() {
		return path.Base(l.Path)
	}
	return l.OID
}

// MarshalJSON writes the object and, of its origin, a URL.
func (l Layer) MarshalJSON() ([]byte, error) {
	url, _ := l.Origin.(HTTPOrigin)
	return json.Marshal(struct {
		lfs.Object
		URL       string `json:"url,omitempty"`
		InContext bool   `json:"inContext,omitempty"`
	}{l.Object, url.Address, !l.IsObject()})
}

// Attempt is a layer as it is asked for: at first as it is planned.
type Attempt struct {
	Layer

	// Number counts the times that the object was asked for before. A source that has failed stays failed within one
	// request (BuildKit v0.33.1); with another User-Agent it is another source.
	Number int

	// Uncached says that what the cache has of the unpacked layer is wrong: BuildKit keeps an archive that it copied because
	// xz failed as if it were the layer, also once xz does what it should.
	Uncached bool

	// Exclude are the paths that are left out of the layer. It has them all, and no symlink is on the way to one.
	Exclude []string

	// Restore are the paths that were left out of the layers below, and are there while this one is unpacked: its archive may
	// have a hard link to one, or write through it.
	Restore []string

	// Gone says that nothing is left of the layer without what is left out.
	Gone bool
}

// RootFS is the root filesystem that the layers of a plan make.
type RootFS struct {
	State      llb.State
	Empty      []bool      // by layer: nothing was in its archive
	Gone       []bool      // by layer: all that was in it is left out
	Excluded   [][]string  // by layer: what was left out of it
	Origins    []Origin    // by layer: where its archive came from in the end
	HasWorkdir bool        // a layer has the working directory; otherwise it was made
	Gate       []llb.State // steps that State is behind, and that may fail: then the layers are to be put together otherwise
}

func (r RootFS) isEmpty(layer int) bool { return layer < len(r.Empty) && r.Empty[layer] }

func (r RootFS) isGone(layer int) bool { return layer < len(r.Gone) && r.Gone[layer] }

// excluded names what was left out of a layer; empty for nothing.
func (r RootFS) excluded(layer int) string {
	if layer >= len(r.Excluded) || len(r.Excluded[layer]) == 0 {
		return ""
	}
	return ", without " + names(r.Excluded[layer])
}
