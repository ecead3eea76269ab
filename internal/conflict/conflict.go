// Package conflict finds where layers unpacked apart and merged would differ from layers unpacked one onto the other. It is pure:
// it sees layers through an interface, which the frontend has for those of a daemon, and a step for those that it has mounted.
package conflict

import (
	"context"
	"fmt"
	"slices"

	"lambdabase/internal/panics"

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

// Layer is what a layer has.
type Layer interface {
	// List lists a directory; ErrUnlistable says that BuildKit can't.
	List(ctx context.Context, dir string) ([]*fstypes.Stat, error)
	// HasPath reports whether there is a path of so many names.
	HasPath(ctx context.Context, names int) (bool, error)
}

// ErrUnlistable is a directory that BuildKit can't list.
var ErrUnlistable = errors.New("BuildKit can't list what is in it, as a name or a symlink's target is not UTF-8, or as it is too much")

// Find finds where layers unpacked apart and merged would differ from layers unpacked one onto the other, or take
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
func Find(ctx context.Context, layers []Layer) ([]string, error) {
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

// findDeep looks for paths of too many names.
func findDeep(ctx context.Context, layers []Layer) ([]string, error) {
	found := make([]string, len(layers))
	eg, ctx := panics.WithContext(ctx)
	for i, l := range layers {
		eg.Go(func() error {
			deep, err := l.HasPath(ctx, maxDepth+1)
			if deep {
				found[i] = fmt.Sprintf("a path has more than %d names, which takes long to merge", maxDepth)
			}
			return errors.Wrap(err, "depth of a layer")
		})
	}
	err := eg.Wait()
	return slices.DeleteFunc(found, func(reason string) bool { return reason == "" }), err
}
