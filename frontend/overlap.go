package frontend

import (
	"context"
	"strings"

	"lambdabase/internal/conflict"
	"lambdabase/internal/rootfs"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// layerDirs is a layer that the daemon has, for conflict.Find.
type layerDirs struct{ rootfs.DirReader }

func (l layerDirs) List(ctx context.Context, dir string) ([]*fstypes.Stat, error) {
	entries, err := l.ReadDir(ctx, gateway.ReadDirRequest{Path: dir})
	if rootfs.IsUnlistable(err) {
		return nil, conflict.ErrUnlistable
	}
	return entries, err
}

// HasPath makes one request: BuildKit looks through all of the layer, and answers with the directories of the root that have
// such a path. Without it, each level would have to be listed.
func (l layerDirs) HasPath(ctx context.Context, names int) (bool, error) {
	pattern := strings.TrimSuffix(strings.Repeat("*/", names), "/")
	deep, err := l.ReadDir(ctx, gateway.ReadDirRequest{Path: "/", IncludePattern: pattern})
	if rootfs.IsUnlistable(err) {
		return true, nil
	}
	return len(deep) > 0, err
}

// findConflicts finds where layers unpacked apart and merged would differ from layers unpacked one onto the other.
func findConflicts(ctx context.Context, layers []rootfs.DirReader) ([]string, error) {
	all := make([]conflict.Layer, 0, len(layers))
	for _, l := range layers {
		all = append(all, layerDirs{l})
	}
	return conflict.Find(ctx, all)
}
