// Package inspect is the answer of Frontend.Inspect: what there is to say of the inside of a base image.
package inspect

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	result "lambdabase/frontend/subrequests"
	"lambdabase/internal/printable"

	"github.com/docker/go-units"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
)

// Image is a base image, layer by layer.
type Image struct {
	Runtime  string    `json:"runtime"`
	Commit   string    `json:"commit"`
	Created  time.Time `json:"created"`
	Platform string    `json:"platform"`
	Release  string    `json:"release,omitempty"` // of the system in it, as its os-release says
	Layers   []Layer   `json:"layers"`
	Path     string    `json:"path,omitempty"`    // that was asked for
	Entries  []Entry   `json:"entries,omitempty"` // it, and what is in it
}

// Layer is a tarball of the recipe.
type Layer struct {
	File   string `json:"file"`
	OID    string `json:"oid"`
	Packed int64  `json:"packed"` // in bytes
	Size   int64  `json:"size"`   // of its files, in bytes
	Files  int    `json:"files"`  // all that is no directory
}

// Entry is a file or directory.
type Entry struct {
	Path   string `json:"path"`
	Mode   string `json:"mode"`
	UID    uint32 `json:"uid"`
	GID    uint32 `json:"gid"`
	Size   int64  `json:"size"`
	Target string `json:"target,omitempty"` // of a link
	Layers []int  `json:"layers"`           // those that have it, from 1; what the last has is what there is
}

// ToResult returns the answer as JSON and as text.
func (i *Image) ToResult() (*gateway.Result, error) {
	return result.Result(i, Print, "1.0.0")
}

// Print writes the JSON of an Image as text.
func Print(dt []byte, w io.Writer) error {
	var i Image
	if err := json.Unmarshal(dt, &i); err != nil {
		return err
	}
	if i.Path != "" {
		return i.printEntries(w)
	}
	var files int
	var size int64
	for _, l := range i.Layers {
		files, size = files+l.Files, size+l.Size
	}
	fmt.Fprintf(w, "runtime   %s\ncommit    %s (%s)\nplatform  %s\n", i.Runtime, i.Commit, i.Created.Format(time.RFC3339), i.Platform)
	if i.Release != "" {
		fmt.Fprintf(w, "system    %s\n", printable.Name(i.Release))
	}
	fmt.Fprintf(w, "files     %d, %s\n\n", files, units.HumanSize(float64(size)))
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "LAYER\tSIZE\tPACKED\tFILES\tTARBALL")
	for n, l := range i.Layers {
		fmt.Fprintf(tw, "%d\t%s\t%s\t%d\t%s\n", n+1, units.HumanSize(float64(l.Size)), units.HumanSize(float64(l.Packed)), l.Files, printable.Name(l.File))
	}
	return tw.Flush()
}

func (i *Image) printEntries(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, e := range i.Entries {
		name := printable.Name(e.Path)
		if e.Target != "" {
			name += " -> " + printable.Name(e.Target)
		}
		fmt.Fprintf(tw, "%s\t%d:%d\t%s\t%s\t%s\n", e.Mode, e.UID, e.GID, units.HumanSize(float64(e.Size)), name, e.origin())
	}
	return tw.Flush()
}

// origin is the layer that an entry is from, and those whose entry is hidden by it.
func (e Entry) origin() string {
	last := len(e.Layers) - 1
	text := fmt.Sprintf("layer %d", e.Layers[last])
	if last == 0 {
		return text
	}
	var earlier []string
	for _, n := range e.Layers[:last] {
		earlier = append(earlier, fmt.Sprint(n))
	}
	if strings.HasPrefix(e.Mode, "d") {
		return text + ", and " + strings.Join(earlier, ", ")
	}
	return text + ", in place of " + strings.Join(earlier, ", ")
}
