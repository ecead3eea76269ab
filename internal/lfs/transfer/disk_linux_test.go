package transfer

import (
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"lambdabase/internal/lfs"
	"os"
	"path/filepath"
	"testing"
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

func TestWhatCannotBeClearedAwayIsLeftAndTheObjectHadElsewhere(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	for _, suffix := range []string{"", ".part"} {
		h := newHost(t)
		o := h.put("content")
		dir, private := t.TempDir(), t.TempDir()
		place := mkdir(filepath.Join(dir, o.OID+suffix))
		require.NoError(t, unix.Mount("tmpfs", place, "tmpfs", 0, "size=1m"))
		t.Cleanup(func() { require.NoError(t, unix.Unmount(place, unix.MNT_DETACH)) })
		c, _ := h.client()
		e := onlyFailure(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
		require.Equal(t, Disk, e.Kind)
		require.Equal(t, o.OID, e.OID)
		n := len(h.downloads()) // it shows before or after the download
		requireOpens(t, c, dir, private, o, "content")
		requireEmpty(t, private)
		require.LessOrEqual(t, len(h.downloads()), n+1)
	}
}
