package fstree

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Option changes what [Diff] compares.
type Option func(*comparison)

type comparison struct {
	ignoreMtime func(path string) bool
}

// IgnoreMtime leaves out the times of the paths it is true for, too; [HeaderlessDirs] says which those have to be.
func IgnoreMtime(ignore func(path string) bool) Option {
	return func(c *comparison) {
		before := c.ignoreMtime
		c.ignoreMtime = func(path string) bool { return before(path) || ignore(path) }
	}
}

// Diff says, sorted and one difference a line, where got is not what is wanted; nil when they are equal.
func Diff(want, got Tree, opts ...Option) []string {
	c := comparison{ignoreMtime: func(string) bool { return false }}
	for _, opt := range opts {
		opt(&c)
	}
	var diffs []string
	for _, path := range allPaths(want, got) {
		diffs = append(diffs, c.path(path, want, got)...)
	}
	return diffs
}

func allPaths(a, b Tree) []string {
	all := maps.Clone(a)
	if all == nil {
		all = Tree{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

func (c comparison) path(path string, want, got Tree) []string {
	w, wanted := want[path]
	g, exists := got[path]
	switch {
	case !exists:
		return []string{fmt.Sprintf("%s: missing %s", path, w.Type)}
	case !wanted:
		return []string{fmt.Sprintf("%s: unexpected %s", path, g.Type)}
	}
	if c.ignoreMtime(path) {
		g.Mtime = w.Mtime
	}
	return entryDiff(path, w, g)
}

func entryDiff(path string, want, got Entry) []string {
	if want == got {
		return nil
	}
	if want.Type != got.Type {
		return []string{fmt.Sprintf("%s: type %s, want %s", path, got.Type, want.Type)}
	}
	var diffs []string
	wanted := properties(want)
	for i, g := range properties(got) {
		if w := wanted[i]; w != g {
			diffs = append(diffs, fmt.Sprintf("%s: %s %s, want %s", path, g.name, orNone(g.value), orNone(w.value)))
		}
	}
	return diffs
}

type property struct{ name, value string }

func properties(e Entry) []property {
	return []property{
		{"mode", fmt.Sprintf("%04o", e.Mode)},
		{"owner", fmt.Sprintf("%d:%d", e.UID, e.GID)},
		{"size", fmt.Sprint(e.Size)},
		{"mtime", time.Unix(0, e.Mtime).UTC().Format(time.RFC3339Nano)},
		{"xattrs", e.Xattrs},
		{"target", e.Target},
		{"device", fmt.Sprintf("%d:%d", e.Major, e.Minor)},
		{"hard link of", e.Link},
		{"content", e.SHA256},
	}
}

func orNone(value string) string {
	if value == "" {
		return "none"
	}
	return value
}
