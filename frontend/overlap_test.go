package frontend

import (
	"context"
	"testing"

	"lambdabase/internal/rootfs"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// nameless is a layer of which BuildKit can't list the root; deep tells that it has a path of many names, too.
type nameless struct{ deep bool }

func (n nameless) ReadDir(_ context.Context, req gateway.ReadDirRequest) ([]*fstypes.Stat, error) {
	if req.IncludePattern != "" && !n.deep {
		return nil, nil
	}
	return nil, errors.New("rpc error: code = Internal desc = grpc: error while marshaling: string field contains invalid UTF-8")
}

func TestWhatTheDaemonCannotListIsAConflict(t *testing.T) {
	for deep, want := range map[bool]int{false: 1, true: 2} {
		got, err := findConflicts(t.Context(), []rootfs.DirReader{stubRef{}, nameless{deep}})
		require.NoError(t, err)
		require.Len(t, got, want)
		require.Contains(t, got[0], "/: BuildKit can't list what is in it")
	}
}

// exploding is a layer whose reading is a fault of ours.
type exploding struct{}

func (exploding) ReadDir(_ context.Context, req gateway.ReadDirRequest) ([]*fstypes.Stat, error) {
	if req.IncludePattern != "" {
		return nil, nil
	}
	panic("boom")
}

func TestAFaultInReadingALayerIsAnError(t *testing.T) {
	_, err := findConflicts(t.Context(), []rootfs.DirReader{stubRef{}, exploding{}})
	require.ErrorContains(t, err, "directory / of a layer: internal error: boom, please report it")
}
