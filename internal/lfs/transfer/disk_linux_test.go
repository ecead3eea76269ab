package transfer

import (
	"testing"

	"lambdabase/internal/lfs"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestAFullDiskIsToldAndGivenBack(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("lfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("a small disk needs root: %v", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	h := newHost(t)
	small, large := h.put(text(100_000)), h.put(text(1_000_000))
	c, clock := h.client()
	c.Limits.ConcurrentTransfers = 1
	err := c.Fetch(t.Context(), dir, []lfs.Object{large, small})
	e := onlyFailure(t, err)
	require.Equal(t, Disk, e.Kind)
	require.Equal(t, large.OID, e.OID)
	require.ErrorIs(t, err, unix.ENOSPC)
	require.ErrorContains(t, err, "no space left on device")
	require.Empty(t, clock.slept)
	requireObjects(t, dir, small)
}
