package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"lambdabase/internal/lfs"
	"lambdabase/internal/printable"

	"github.com/docker/go-units"
)

// signs are those of the kinds of change.
var signs = map[string]string{changeAdded: "+", changeRemoved: "-", changeChanged: "~"}

// printDiff writes the JSON of a diffReport as text.
func printDiff(dt []byte, w io.Writer) error {
	var d diffReport
	if err := json.Unmarshal(dt, &d); err != nil {
		return err
	}
	fmt.Fprintf(w, "- %s\n+ %s\n", d.Old, d.New)
	if d.isSame() {
		fmt.Fprintln(w, "\nno difference")
		return nil
	}
	if d.Layers != nil {
		if err := d.Layers.print(w); err != nil {
			return err
		}
	}
	if err := printSettingDiffs(w, d.Settings); err != nil {
		return err
	}
	if err := printPackageDiffs(w, d.Packages); err != nil {
		return err
	}
	return d.printFiles(w)
}

func (i diffImage) String() string {
	text := printable.Name(i.Name)
	if i.Runtime != "" && i.Name != i.Runtime && !strings.HasPrefix(i.Name, i.Runtime+"@") { // of a lock file, say
		text += ": " + printable.Name(i.Runtime)
	}
	if i.Commit != "" {
		text += fmt.Sprintf(" (commit %s of %s)", i.Commit, i.Date)
	}
	return text
}

func (l *layerDiff) print(w io.Writer) error {
	moved := ""
	if l.Moved {
		moved = ", in another order"
	}
	fmt.Fprintf(w, "\nlayers: %d added (%s), %d removed (%s), %d in both (%s)%s\n", len(l.Added), sizeOf(l.Added), len(l.Removed), sizeOf(l.Removed), len(l.Same), sizeOf(l.Same), moved)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, part := range []struct {
		sign    string
		objects []lfs.Object
	}{{"-", l.Removed}, {"+", l.Added}} {
		printObjects(tw, part.sign, part.objects)
	}
	return tw.Flush()
}

// oldToNew returns the sign and the text of a value that changed; empty is none.
func oldToNew(before, after string) (sign, text string) {
	switch {
	case before == "":
		return signs[changeAdded], after
	case after == "":
		return signs[changeRemoved], before
	}
	return signs[changeChanged], before + " -> " + after
}

func printPackageDiffs(w io.Writer, packages []packageDiff) error {
	if len(packages) == 0 {
		return nil
	}
	fmt.Fprintf(w, "\npackages: %d\n", len(packages))
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range packages {
		sign, version := oldToNew(p.Old, p.New)
		fmt.Fprintf(tw, "  %s %s\t%s\t%s\n", sign, printable.Name(p.Name), printable.Name(version), printable.Name(p.Arch))
	}
	return tw.Flush()
}

func (d *diffReport) printFiles(w io.Writer) error {
	if len(d.Files) == 0 {
		return nil
	}
	of := ""
	if d.Layers != nil { // which says nothing of what the others have at the same path
		of = " of the layers that differ"
	}
	fmt.Fprintf(w, "\nfiles%s: %d added, %d removed, %d changed\n", of, d.Totals[changeAdded], d.Totals[changeRemoved], d.Totals[changeChanged])
	width := 0
	for _, f := range d.Files {
		if n := len(f.what()); n <= maxWhatWidth {
			width = max(width, n)
		}
	}
	for _, f := range d.Files {
		if _, err := fmt.Fprintf(w, "  %s %-*s  %s\n", signs[f.Change], width, f.what(), printable.Name(f.Path)); err != nil {
			return err
		}
	}
	return nil
}

// maxWhatWidth is up to which width what is said of paths makes them stand below each other: a longer one moves its own alone.
const maxWhatWidth = 32

// what says in what a path differs.
func (f fileDiff) what() string {
	switch {
	case f.Old == nil && f.New == nil:
		return ""
	case f.Old == nil || f.New == nil:
		return f.present().String()
	}
	was, is := *f.Old, *f.New
	if was == is {
		return "content"
	}
	return was.String() + " -> " + is.String()
}

func (f fileDiff) present() *fileStat { return cmp.Or(f.Old, f.New) }

func (s *fileStat) String() string {
	text := fmt.Sprintf("%s %d:%d", s.Mode, s.UID, s.GID)
	if s.Target != "" {
		return text + " -> " + printable.Name(s.Target)
	}
	if strings.HasPrefix(s.Mode, "-") {
		text += " " + units.HumanSize(float64(s.Size))
	}
	return text
}
