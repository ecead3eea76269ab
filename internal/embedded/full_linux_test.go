package embedded

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"lambdabase/internal/isolate/isolatetest"
	"lambdabase/test/tarbomb"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"
)

// smallDisk is a folder with a file system of its own.
func smallDisk(t testing.TB, options string) string {
	t.Helper()
	isolatetest.NeedRoot(t)
	dir := t.TempDir()
	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, options))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// fill leaves no byte and no inode.
func fill(t testing.TB, dir string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	file, err := os.Create(filepath.Join(dir, "all"))
	require.NoError(t, err)
	defer file.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, size))
		}
		require.ErrorIs(t, err, syscall.ENOSPC)
	}
	for i := 0; ; i++ {
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), nil, 0o600); err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC)
			return
		}
	}
}

// On a full disk a cache is neither begun anew nor out of reach: it is what there is to prune.
func TestCacheOnAFullDiskIsPruned(t *testing.T) {
	for _, snapshotter := range []string{Overlayfs, Native} {
		t.Run(snapshotter, func(t *testing.T) {
			disk := smallDisk(t, "size=100m,nr_inodes=10k")
			root := filepath.Join(disk, "root")
			build := serve(t, archives(t)...)
			o := Options{Root: root, Snapshotter: snapshotter, OnReset: func(text string) { t.Error(text) }}
			b, err := Start(t.Context(), o)
			require.NoError(t, err)
			_, err = build.run(t.Context(), b)
			require.NoError(t, err)
			require.NoError(t, b.Close())
			fill(t, filepath.Join(disk, "other"))

			o.Snapshotter, o.Pruning = "", true
			b, err = Start(t.Context(), o)
			require.NoError(t, err)
			require.Equal(t, snapshotter, b.dir.snapshotter)
			require.True(t, stateOf(t, root).Open)
			require.NotZero(t, prune(t, b, client.PruneAll))
			require.NoError(t, b.Close())
			require.False(t, stateOf(t, root).unclean())
			require.FileExists(t, filepath.Join(root, reserveFile))

			require.NoError(t, os.RemoveAll(filepath.Join(disk, "other")))
			_, err = build.run(t.Context(), start(t, o))
			require.NoError(t, err)
		})
	}
}

// A build leaves the room that is kept for pruning: it would fail with it as well.
func TestReserveIsForPruning(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, start(t, Options{Root: root}).Close())
	file := filepath.Join(root, reserveFile)
	var stat syscall.Stat_t
	require.NoError(t, syscall.Stat(file, &stat))
	require.GreaterOrEqual(t, stat.Blocks*512, int64(reserveSize))
	for _, freeing := range []bool{false, true} {
		b := start(t, Options{Root: root, Pruning: freeing})
		_, err := os.Stat(file)
		require.Equal(t, freeing, os.IsNotExist(err))
		require.NoError(t, b.Close())
		require.FileExists(t, file)
	}
}

// A cache that can't be used is not moved away before another can be made.
func TestCacheOnAFullDiskIsNotBegunAnew(t *testing.T) {
	disk := smallDisk(t, "size=10m,nr_inodes=1k")
	root := filepath.Join(disk, "root")
	require.NoError(t, start(t, Options{Root: root}).Close())
	before := stateOf(t, root)
	fill(t, filepath.Join(disk, "other"))
	_, err := Start(t.Context(), Options{Root: root, Snapshotter: Native, OnReset: func(text string) { t.Error(text) }})
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorContains(t, err, `cache can't be begun anew, though its layout is "2 overlayfs" in place of "2 native"`)
	require.FileExists(t, filepath.Join(root, cacheSubdir, contentDB))
	require.Empty(t, glob(t, root, stalePrefix+"*"))
	require.Equal(t, before, stateOf(t, root))
	require.NoError(t, os.RemoveAll(filepath.Join(disk, "other")))
	require.NoError(t, start(t, Options{Root: root, OnReset: func(text string) { t.Error(text) }}).Close())
}

// A process that can't start gives the lock back.
func TestFullDiskWithoutACache(t *testing.T) {
	root := smallDisk(t, "size=1m,nr_inodes=30")
	require.NoError(t, os.WriteFile(filepath.Join(root, lockFile), nil, 0o600))
	fill(t, filepath.Join(root, "other"))
	_, err := Start(t.Context(), Options{Root: root})
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, os.RemoveAll(filepath.Join(root, "other")))
	require.NoError(t, start(t, Options{Root: root}).Close())
}

// bomb is an archive that fills every disk.
func bomb(t testing.TB) []byte {
	t.Helper()
	var buf bytes.Buffer
	gz := gzip.NewWriter(&buf)
	_, err := gz.Write(tarbomb.Tar())
	require.NoError(t, err)
	require.NoError(t, gz.Close())
	return buf.Bytes()
}

// prune frees what it can.
func prune(t testing.TB, b *BuildKit, opts ...client.PruneOption) (freed int64) {
	t.Helper()
	c := connect(t, b)
	usage, pruned := make(chan client.UsageInfo), make(chan error, 1)
	go func() {
		pruned <- c.Prune(t.Context(), usage, opts...)
		close(usage)
	}()
	for u := range usage {
		freed += u.Size
	}
	require.NoError(t, <-pruned)
	require.NoError(t, c.Close())
	return freed
}

// The first build of a cache may be the one that fills the disk: the room to prune it is kept from its beginning on.
func TestACacheWhoseFirstBuildFillsTheDiskIsPruned(t *testing.T) {
	for _, snapshotter := range []string{Overlayfs, Native} {
		t.Run(snapshotter, func(t *testing.T) {
			disk := smallDisk(t, "size=100m,nr_inodes=10k")
			root := filepath.Join(disk, "root")
			o := Options{Root: root, Snapshotter: snapshotter, OnReset: func(text string) { t.Error(text) }}
			bombed := serve(t, bomb(t))
			b, err := Start(t.Context(), o)
			require.NoError(t, err)
			for range 2 {
				_, err = bombed.run(t.Context(), b)
				require.ErrorContains(t, err, "no space left on device")
			}
			fill(t, filepath.Join(disk, "other"))
			require.NoError(t, b.Close())

			o.Pruning = true
			b, err = Start(t.Context(), o)
			require.NoError(t, err)
			prune(t, b)
			require.NoError(t, b.Close())
			require.NoError(t, os.RemoveAll(filepath.Join(disk, "other")))
			free, err := freeBytes(root)
			require.NoError(t, err)
			require.Greater(t, free, int64(80<<20))
			_, err = serve(t, archives(t)...).run(t.Context(), start(t, Options{Root: root}))
			require.NoError(t, err)
		})
	}
}

// Where not even the room to prune is there, the whole cache can be removed without.
func TestAFullDiskWithoutAReserveIsFreedOfAllOfTheCache(t *testing.T) {
	disk := smallDisk(t, "size=100m,nr_inodes=10k")
	root := filepath.Join(disk, "root")
	build := serve(t, archives(t)...)
	b, err := Start(t.Context(), Options{Root: root})
	require.NoError(t, err)
	_, err = build.run(t.Context(), b)
	require.NoError(t, err)
	require.NoError(t, b.Close())
	require.NoError(t, os.Remove(filepath.Join(root, reserveFile)))
	fill(t, filepath.Join(disk, "other"))

	var discarded int64
	o := Options{Root: root, Pruning: true, Discard: true, OnDiscard: func(freed int64) { discarded = freed }, OnReset: func(text string) { t.Error(text) }}
	b, err = Start(t.Context(), o)
	require.NoError(t, err)
	require.Greater(t, discarded, int64(5<<20))
	require.Zero(t, prune(t, b, client.PruneAll))
	require.NoError(t, b.Close())
	require.Empty(t, glob(t, root, stalePrefix+"*"))
	require.NoError(t, os.RemoveAll(filepath.Join(disk, "other")))

	_, err = build.run(t.Context(), start(t, Options{Root: root}))
	require.NoError(t, err)
}
