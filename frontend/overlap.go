package frontend

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"lambdabase/internal/panics"
	"lambdabase/internal/printable"
	"lambdabase/internal/rootfs"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	fstypes "github.com/tonistiigi/fsutil/types"
)

const (
	maxReads = 16 // directories read at the same time
	// maxOwnDirs is how many directories are read that one layer has alone. That is for what no honest archive has, and an
	// honest one has thousands of directories, which would take as long as all else of a build that is in the cache.
	maxOwnDirs = 128
	// maxDepth is how many names a path may have where layers are merged: BuildKit looks each name of each path up from the
	// root, several times (safeJoin in snapshot/diffapply_linux.go of v0.33.1), and so do all directories on the way to it.
	maxDepth = 32
)

// findConflicts finds where layers unpacked apart and merged would differ from layers unpacked one onto the other, or take
// much longer. It is one of these:
//
//   - a directory against anything else: one unpacked onto the other may be written through an earlier layer's symlink,
//     or replace what was below
//   - a directory with another mode, owner or attribute: a tar that has no header for it leaves an earlier layer's as it is,
//     while merged it wins with what it was made with
//   - a directory that hands on its group or its ACL to what is made in it
//   - what overlayfs keeps its own books with: a 0:0 device, or an attribute. Nobody can make the device on overlayfs;
//     the chain gives the recipe's own error
//   - a path of too many names
//   - what BuildKit can't list
//
// But for the last three that shows where two layers have the same path. So directories are read that two layers share, and some
// that a later one has alone. A file over a file is the later one's in both.
func findConflicts(ctx context.Context, layers []rootfs.DirReader) ([]string, error) {
	if len(layers) < 2 {
		return nil, nil
	}
	s := search{layers: layers, ownDirs: maxOwnDirs}
	eg, ctx := panics.WithContext(ctx)
	eg.Go(func() error { return s.run(ctx) })
	var deep []string
	eg.Go(func() (err error) {
		deep, err = findDeep(ctx, layers)
		return err
	})
	err := eg.Wait()
	return append(s.found, deep...), err
}

// findDeep looks for paths of too many names, by one request for each layer: BuildKit looks through all of it, and answers with the
// directories of the root that have such a path. Without it, each level would have to be listed.
func findDeep(ctx context.Context, layers []rootfs.DirReader) ([]string, error) {
	pattern := strings.TrimSuffix(strings.Repeat("*/", maxDepth+1), "/")
	found := make([]string, len(layers))
	eg, ctx := panics.WithContext(ctx)
	for i, l := range layers {
		eg.Go(func() error {
			deep, err := l.ReadDir(ctx, gateway.ReadDirRequest{Path: "/", IncludePattern: pattern})
			if rootfs.IsUnlistable(err) || len(deep) > 0 {
				found[i] = fmt.Sprintf("a path has more than %d names, which takes long to merge", maxDepth)
				return nil
			}
			return errors.Wrap(err, "depth of a layer")
		})
	}
	err := eg.Wait()
	return slices.DeleteFunc(found, func(reason string) bool { return reason == "" }), err
}

// search goes through layers, one level of directories after the other.
type search struct {
	layers  []rootfs.DirReader
	ownDirs int // directories of one layer alone that may still be read
	found   []string
}

func (s *search) run(ctx context.Context) (err error) {
	level := []layersDir{{path: "/"}}
	for i := range s.layers {
		level[0].layers = append(level[0].layers, i)
	}
	for len(level) > 0 {
		if level, err = s.descend(ctx, level); err != nil {
			return err
		}
	}
	return nil
}

// layersDir is a directory, and the layers that have it.
type layersDir struct {
	path   string
	layers []int
}

// descend reads a level of directories, and returns the next.
func (s *search) descend(ctx context.Context, level []layersDir) (next []layersDir, err error) {
	lists, err := s.readLevel(ctx, level)
	if err != nil {
		return nil, err
	}
	for i, d := range level {
		if slices.ContainsFunc(lists[i], func(l listing) bool { return l.failed }) {
			s.found = append(s.found, printable.Name(d.path)+": BuildKit can't list what is in it, as a name or a symlink's target is not UTF-8, or as it is too much")
		}
		below, reasons := d.compare(lists[i])
		s.found = append(s.found, reasons...)
		for _, b := range below {
			if len(b.layers) == 1 {
				if s.ownDirs == 0 {
					continue
				}
				s.ownDirs--
			}
			next = append(next, b)
		}
	}
	return next, nil
}

// readLevel lists directories in each layer that has them: by directory and layer.
func (s *search) readLevel(ctx context.Context, level []layersDir) ([][]listing, error) {
	lists := make([][]listing, len(level))
	eg, ctx := panics.WithContext(ctx)
	eg.SetLimit(maxReads)
	for i, d := range level {
		lists[i] = make([]listing, len(d.layers))
		for j, l := range d.layers {
			eg.Go(func() (err error) {
				lists[i][j], err = panics.Recover(func() (listing, error) { return readListing(ctx, s.layers[l], d.path) })
				return errors.Wrapf(err, "directory %s of a layer", d.path)
			})
		}
	}
	return lists, eg.Wait()
}

// listing is what is in a directory of a layer, or that BuildKit can't list it.
type listing struct {
	entries []*fstypes.Stat
	failed  bool
}

func readListing(ctx context.Context, layer rootfs.DirReader, dir string) (listing, error) {
	entries, err := layer.ReadDir(ctx, gateway.ReadDirRequest{Path: dir})
	if rootfs.IsUnlistable(err) {
		return listing{failed: true}, nil
	}
	return listing{entries: entries}, err
}

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
		if reason := cmp.Or(conflict(entries), overlayAttr(entries, in)); reason != "" {
			conflicts = append(conflicts, printable.Name(p)+": "+reason)
		} else if rootfs.IsDir(entries[0]) && in[len(in)-1] > 0 {
			below = append(below, layersDir{path: p, layers: in})
		}
	}
	return below, conflicts
}

// conflict compares what layers have at one path.
func conflict(entries []*fstypes.Stat) string {
	first := entries[0]
	for _, e := range entries {
		switch {
		case rootfs.IsDir(e) != rootfs.IsDir(first):
			return "a directory in one layer, something else in another"
		case isWhiteout(e):
			return "a 0:0 device, which deletes what is below it"
		case rootfs.IsDir(e) && (e.Mode != first.Mode || e.Uid != first.Uid || e.Gid != first.Gid):
			return fmt.Sprintf("directory %v %d:%d in one layer, %v %d:%d in another",
				os.FileMode(first.Mode), first.Uid, first.Gid, os.FileMode(e.Mode), e.Uid, e.Gid)
		case rootfs.IsDir(e) && !maps.EqualFunc(e.Xattrs, first.Xattrs, slices.Equal):
			return "directory with extended attributes that differ"
		case rootfs.IsDir(e) && len(entries) > 1 && propagatesAttrs(e):
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
