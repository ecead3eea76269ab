package conflict

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"lambdabase/internal/printable"

	fstypes "github.com/tonistiigi/fsutil/types"
)

// compare looks at what stands in a directory: the directories among it to go into, and what is in conflict.
func (d layersDir) compare(lists []listing) (below []layersDir, conflicts []string) {
	byName := map[string][]*fstypes.Stat{}
	holders := map[string][]int{}
	for i, list := range lists {
		for _, e := range list.entries {
			name := path.Base(e.Path)
			byName[name] = append(byName[name], e)
			holders[name] = append(holders[name], d.layers[i])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		entries, in := byName[name], holders[name]
		p := path.Join(d.path, name)
		if reason := cmp.Or(Between(entries), overlayAttr(entries, in)); reason != "" {
			conflicts = append(conflicts, printable.Name(p)+": "+reason)
		} else if isDir(entries[0]) && in[len(in)-1] > 0 {
			below = append(below, layersDir{path: p, layers: in})
		}
	}
	return below, conflicts
}

// Between returns why what layers have at one path is in conflict; empty if it isn't.
func Between(entries []*fstypes.Stat) string {
	first := entries[0]
	for _, e := range entries {
		switch {
		case isDir(e) != isDir(first):
			return "a directory in one layer, something else in another"
		case isWhiteout(e):
			return "a 0:0 device, which deletes what is below it"
		case isDir(e) && (e.Mode != first.Mode || e.Uid != first.Uid || e.Gid != first.Gid):
			return fmt.Sprintf("directory %v %d:%d in one layer, %v %d:%d in another",
				os.FileMode(first.Mode), first.Uid, first.Gid, os.FileMode(e.Mode), e.Uid, e.Gid)
		case isDir(e) && !maps.EqualFunc(e.Xattrs, first.Xattrs, slices.Equal):
			return "directory with extended attributes that differ"
		case isDir(e) && len(entries) > 1 && propagatesAttrs(e):
			return "directory that hands on its group, its ACL or what overlayfs notes there"
		}
	}
	return ""
}

// overlayAttr says of a layer after the first that overlayfs would take what it has for its own notes: unpacked onto
// another layer, overlayfs keeps an archive's attributes of that name apart from its own, and unpacked apart nobody does.
func overlayAttr(entries []*fstypes.Stat, in []int) string {
	for i, e := range entries {
		for name := range e.Xattrs {
			if in[i] > 0 && isOverlayAttr(name) {
				return "the extended attribute " + printable.Name(name) + ", which is overlayfs's own"
			}
		}
	}
	return ""
}

func isOverlayAttr(name string) bool { return strings.Contains(name, ".overlay.") }

// propagatesAttrs tells a directory whose own attributes have effects on what is made in it.
func propagatesAttrs(e *fstypes.Stat) bool {
	if os.FileMode(e.Mode)&os.ModeSetgid != 0 {
		return true
	}
	for name := range e.Xattrs {
		if name == "system.posix_acl_default" || isOverlayAttr(name) {
			return true
		}
	}
	return false
}

func isWhiteout(e *fstypes.Stat) bool {
	return os.FileMode(e.Mode)&os.ModeCharDevice != 0 && e.Devmajor == 0 && e.Devminor == 0
}

func isDir(e *fstypes.Stat) bool { return os.FileMode(e.Mode).IsDir() }
