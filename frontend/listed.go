package frontend

import (
	"context"
	"path"

	"lambdabase/internal/panics"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/util/flightcontrol"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// listedRef is what a daemon has of a layer. Each directory is asked for once, whoever looks at it: whether its archive was copied,
// what it has that another layer has, where the working directory is.
type listedRef struct {
	gateway.Reference
	dirs flightcontrol.CachedGroup[[]*fstypes.Stat] // by path
}

// ReadDir returns a list that is shared, and not to be written into.
func (r *listedRef) ReadDir(ctx context.Context, req gateway.ReadDirRequest) ([]*fstypes.Stat, error) {
	if req.IncludePattern != "" {
		return r.Reference.ReadDir(ctx, req)
	}
	return r.dirs.Do(ctx, path.Join("/", req.Path), func(ctx context.Context) ([]*fstypes.Stat, error) {
		return panics.Recover(func() ([]*fstypes.Stat, error) { return r.Reference.ReadDir(ctx, req) })
	})
}
