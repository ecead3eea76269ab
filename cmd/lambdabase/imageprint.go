package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"lambdabase/internal/printable"

	"github.com/docker/go-units"
)

// printImage writes the JSON of an imageReport as text.
func printImage(dt []byte, w io.Writer) error {
	var i imageReport
	if err := json.Unmarshal(dt, &i); err != nil {
		return err
	}
	switch {
	case i.Path != "":
		return i.printEntries(w)
	case i.Packages != nil:
		return i.printPackages(w)
	}
	return i.printLayers(w)
}

func (i *imageReport) printLayers(w io.Writer) error {
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

func (i *imageReport) printPackages(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "PACKAGE\tVERSION\tRELEASE\tARCH")
	for _, p := range i.Packages {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", printable.Name(p.Name), printable.Name(p.EpochVersion()), printable.Name(p.Release), printable.Name(p.Arch))
	}
	return tw.Flush()
}

func (i *imageReport) printEntries(w io.Writer) error {
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

// origin returns the layer that an entry is from, and those whose entry is hidden by it.
func (e pathReport) origin() string {
	last := len(e.Layers) - 1
	if last < 0 {
		return ""
	}
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
