package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"lambdabase/internal/document"
	"lambdabase/internal/lfs"
	"lambdabase/internal/printable"

	"github.com/docker/go-units"
)

// snapshotChange is a runtime as it was locked, and as it is.
type snapshotChange struct {
	old, found *document.Snapshot // old is nil for a runtime that wasn't locked
	locked     *document.Snapshot // what the commit of old says; nil where that wasn't asked for
	isGone     bool               // it was, and the repository hasn't got it any more
}

// compareLocks returns a change for each runtime that was found, by name.
func compareLocks(old *document.Lock, answers *lockAnswers) (changes []snapshotChange) {
	for _, s := range answers.found.Snapshots {
		c := snapshotChange{old: old.Find(s.Runtime), found: s, locked: answers.locked.Find(s.Runtime)}
		c.isGone = answers.checked && c.old != nil && c.locked == nil
		changes = append(changes, c)
	}
	return changes
}

// isMove reports whether the branch has another commit.
func (c snapshotChange) isMove() bool { return c.old == nil || c.old.Commit != c.found.Commit }

// isChange reports whether the lock isn't what a new one would be: of another commit, or not what its commit says.
func (c snapshotChange) isChange() bool {
	return c.isMove() || c.isGone || c.isOfOtherPlatforms() || len(c.fields()) > 0
}

// isOfOtherPlatforms reports whether other platforms are asked for than are locked.
func (c snapshotChange) isOfOtherPlatforms() bool {
	return c.old != nil && !slices.Equal(c.old.PlatformNames(), c.found.PlatformNames())
}

// fields are those of the lock that its commit says otherwise.
func (c snapshotChange) fields() (names []string) {
	says := c.locked
	if says == nil && !c.isMove() {
		says = c.found
	}
	if says == nil {
		return nil
	}
	if c.old.Repository != says.Repository {
		names = append(names, "repository")
	}
	if !c.old.Date.Equal(says.Date) {
		names = append(names, "date")
	}
	for i, was := range c.old.Platforms {
		if is := says.FindName(was.Name); is != nil { // or else it wasn't asked for
			names = append(names, differingLayers(was, *is, fmt.Sprintf("platforms[%d]", i))...)
		}
	}
	return names
}

// differingLayers are the fields of a platform that differ, in the field that it is.
func differingLayers(was, is document.Platform, field string) (names []string) {
	if was.Recipe != is.Recipe {
		return []string{field + ".recipe"}
	}
	for i, l := range was.Layers {
		if l != is.Layers[i] { // as many as the recipe adds
			names = append(names, fmt.Sprintf("%s.layers[%d]", field, i))
		}
	}
	return names
}

func printChanges(w io.Writer, changes []snapshotChange) error {
	for _, c := range changes {
		if err := c.print(w); err != nil {
			return err
		}
	}
	return nil
}

func (c snapshotChange) print(w io.Writer) error {
	found := c.found
	switch {
	case c.old == nil:
		fmt.Fprintf(w, "%s is locked to %.12s (%s)\n", found.Runtime, found.Commit, found.Date.Format(time.DateOnly))
	case c.isMove():
		fmt.Fprintf(w, "%s: %.12s (%s) -> %.12s (%s)\n", found.Runtime, c.old.Commit, c.old.Date.Format(time.DateOnly), found.Commit, found.Date.Format(time.DateOnly))
		if err := c.printLayers(w); err != nil {
			return err
		}
	case !c.isChange():
		fmt.Fprintf(w, "%s: %.12s (%s), no change\n", found.Runtime, found.Commit, found.Date.Format(time.DateOnly))
	}
	if c.isOfOtherPlatforms() {
		fmt.Fprintf(w, "%s: platforms %s -> %s\n", found.Runtime, strings.Join(c.old.PlatformNames(), ", "), strings.Join(found.PlatformNames(), ", "))
	}
	c.printFields(w)
	return nil
}

// printFields prints in what the lock isn't what its commit says.
func (c snapshotChange) printFields(w io.Writer) {
	for _, name := range c.fields() {
		fmt.Fprintf(w, "%s: %s isn't what commit %.12s says\n", c.old.Runtime, name, c.old.Commit)
	}
	if c.isGone {
		fmt.Fprintf(w, "%s: commit %.12s is gone from the repository: nothing tells any more whether the lock is what it said\n", c.old.Runtime, c.old.Commit)
	}
}

// printLayers prints which objects came and went, and what stays.
func (c snapshotChange) printLayers(w io.Writer) error {
	was, is := c.old.Objects(), c.found.Objects()
	gone, come := missingIn(is, was), missingIn(was, is)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	printObjects(tw, "-", gone)
	printObjects(tw, "+", come)
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, p := range c.found.Platforms {
		if was := c.old.FindName(p.Name); was != nil && was.Recipe.Text != p.Recipe.Text {
			fmt.Fprintf(w, "  ~ %s of %s: another recipe\n", printable.Name(p.Recipe.Path), p.Name)
		}
	}
	stay := missingIn(come, is)
	_, err := fmt.Fprintf(w, "  %d objects to fetch, %s; %d stay, %s\n", len(come), sizeOf(come), len(stay), sizeOf(stay))
	return err
}

func printObjects(w io.Writer, sign string, objects []lfs.Object) {
	for _, o := range objects {
		fmt.Fprintf(w, "  %s %s\t%s\tsha256:%s\n", sign, units.HumanSize(float64(o.Size)), printable.Name(o.Path), o.OID)
	}
}

// missingIn returns the objects that some have and others don't.
func missingIn(others, some []lfs.Object) []lfs.Object {
	missing := []lfs.Object{} // in JSON a list, too
	for _, o := range some {
		if !slices.ContainsFunc(others, func(other lfs.Object) bool { return other.OID == o.OID }) {
			missing = append(missing, o)
		}
	}
	return missing
}

func sizeOf(objects []lfs.Object) string {
	var size int64
	for _, o := range objects {
		size += o.Size
	}
	return units.HumanSize(float64(size))
}
