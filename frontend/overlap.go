package frontend

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"lambdabase/internal/rootfs"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	fstypes "github.com/tonistiigi/fsutil/types"
	"golang.org/x/sync/errgroup"
)

// maxReads is how many directories are read at the same time.
const maxReads = 16

// findConflicts finds where layers unpacked apart and merged would differ from layers unpacked one onto the other. That
// shows where two layers have the same path, so only directories that two layers share are read. It is one of these:
//
//   - a directory against anything else: one unpacked onto the other may be written through an earlier layer's symlink,
//     or replace what was below
//   - a directory with another mode, owner or attribute: a tar that has no header for it leaves an earlier layer's as it is,
//     while merged it wins with what it was made with
//   - a directory that hands on its group or its ACL to what is made in it
//   - what overlayfs keeps its own books with: a 0:0 device, or an attribute. Nobody can make the device on overlayfs;
//     the chain gives the recipe's own error
//
// A file over a file is the later one's in both.
func findConflicts(ctx context.Context, layers []rootfs.DirReader) ([]string, error) {
	var found []string
	level := []sharedDir{{path: "/", layers: layers}}
	for len(level) > 0 {
		read, err := readAll(ctx, level)
		if err != nil {
			return nil, err
		}
		var next []sharedDir
		for i, entries := range read {
			below, reasons := level[i].compare(entries)
			next, found = append(next, below...), append(found, reasons...)
		}
		level = next
	}
	return found, nil
}

// sharedDir is a directory that two layers or more have.
type sharedDir struct {
	path   string
	layers []rootfs.DirReader
}

// readAll lists directories in each layer that has them: by directory, layer and entry.
func readAll(ctx context.Context, dirs []sharedDir) ([][][]*fstypes.Stat, error) {
	read := make([][][]*fstypes.Stat, len(dirs))
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(maxReads)
	for i, d := range dirs {
		read[i] = make([][]*fstypes.Stat, len(d.layers))
		for j, l := range d.layers {
			eg.Go(func() (err error) {
				read[i][j], err = recoverPanic(func() ([]*fstypes.Stat, error) {
					return l.ReadDir(ctx, gateway.ReadDirRequest{Path: d.path})
				})
				return errors.Wrapf(err, "directory %s of a layer", d.path)
			})
		}
	}
	return read, eg.Wait()
}

// compare looks at what stands in two layers or more: the directories among it to go into, and what is in conflict.
func (d sharedDir) compare(entries [][]*fstypes.Stat) (below []sharedDir, conflicts []string) {
	byName := map[string][]*fstypes.Stat{}
	holders := map[string][]rootfs.DirReader{}
	for i, list := range entries {
		for _, e := range list {
			name := path.Base(e.Path)
			byName[name] = append(byName[name], e)
			holders[name] = append(holders[name], d.layers[i])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		entries := byName[name]
		p := path.Join(d.path, name)
		if reason := conflict(entries); reason != "" {
			conflicts = append(conflicts, p+": "+reason)
		} else if len(entries) > 1 && isDir(entries[0]) {
			below = append(below, sharedDir{path: p, layers: holders[name]})
		}
	}
	return below, conflicts
}

// conflict compares what layers have at one path.
func conflict(entries []*fstypes.Stat) string {
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

// propagatesAttrs tells a directory whose own attributes have effects on what is made in it.
func propagatesAttrs(e *fstypes.Stat) bool {
	if os.FileMode(e.Mode)&os.ModeSetgid != 0 {
		return true
	}
	for name := range e.Xattrs {
		if name == "system.posix_acl_default" || strings.Contains(name, ".overlay.") {
			return true
		}
	}
	return false
}

func isWhiteout(e *fstypes.Stat) bool {
	return os.FileMode(e.Mode)&os.ModeCharDevice != 0 && e.Devmajor == 0 && e.Devminor == 0
}
