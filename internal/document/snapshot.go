package document

import (
	"encoding/json"
	"time"

	"lambdabase/internal/lfs"

	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Version is the one of the form of both documents. It changes when a reader of the old one would read the new one wrongly.
const Version = 1

// Snapshot is what a commit says of a runtime: enough to plan its images without git.
type Snapshot struct {
	Version    int        `json:"version"`
	Runtime    string     `json:"runtime"`
	Repository string     `json:"repository"` // Git URL
	Commit     string     `json:"commit"`     // full id
	Date       time.Time  `json:"date"`       // of the commit, in UTC
	Platforms  []Platform `json:"platforms"`  // that it was made for, all or some of those that the commit has
}

// Platform is what it says of one platform.
type Platform struct {
	Name   string  `json:"platform"` // linux/amd64 or linux/arm64
	Recipe Recipe  `json:"recipe"`
	Layers []Layer `json:"layers"` // in the recipe's order
}

// Recipe is the Dockerfile of a platform.
type Recipe struct {
	Path   string        `json:"path"`   // in the commit's tree, with slashes
	Digest digest.Digest `json:"digest"` // of the text
	Text   string        `json:"text"`
}

// Layer is the pointer that an ADD of the recipe names.
type Layer struct {
	Path        string `json:"path"` // in the commit's tree, with slashes
	lfs.Pointer        // oid and size
}

// NewRecipe returns the recipe of a file.
func NewRecipe(path string, text []byte) Recipe {
	return Recipe{Path: path, Digest: digest.FromBytes(text), Text: string(text)}
}

// PlatformName returns the name of what a commit says of a platform. It says it of an architecture, whatever the variant.
func PlatformName(platform ocispecs.Platform) string {
	platform = platforms.Normalize(platform)
	return platform.OS + "/" + platform.Architecture
}

// Find returns what the snapshot says of a platform; nil where it says nothing.
func (s *Snapshot) Find(platform ocispecs.Platform) *Platform {
	return s.FindName(PlatformName(platform))
}

// FindName is Find by the platform's name.
func (s *Snapshot) FindName(name string) *Platform {
	for i := range s.Platforms {
		if s.Platforms[i].Name == name {
			return &s.Platforms[i]
		}
	}
	return nil
}

// PlatformNames returns the names of its platforms.
func (s *Snapshot) PlatformNames() (names []string) {
	for _, p := range s.Platforms {
		names = append(names, p.Name)
	}
	return names
}

// Objects returns the distinct objects, in the order of the layers: the first layer that has each.
func (s *Snapshot) Objects() (objects []lfs.Object) {
	seen := map[string]bool{}
	for _, p := range s.Platforms {
		for _, l := range p.Layers {
			if !seen[l.OID] {
				seen[l.OID] = true
				objects = append(objects, lfs.Object{Pointer: l.Pointer, Path: l.Path, Commit: s.Commit})
			}
		}
	}
	return objects
}

// ParseSnapshot reads a snapshot. Errors name it, and the field.
func ParseSnapshot(name string, dt []byte) (*Snapshot, error) {
	s := &Snapshot{}
	if err := decode(name, dt, s); err != nil {
		return nil, err
	}
	if err := s.Validate(); err != nil {
		return nil, wrapField(err, name)
	}
	return s, nil
}

// Marshal returns the document as it is written: the same one in the same bytes.
func (s *Snapshot) Marshal() ([]byte, error) { return encode(s) }

// MarshalCompact returns it in one line, for a label.
func (s *Snapshot) MarshalCompact() ([]byte, error) { return json.Marshal(s) }
