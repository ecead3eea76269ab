package embedded

import (
	"archive/tar"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lambdabase/internal/isolate/isolatetest"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"
)

const thrownAway = "is thrown away: "

// What can be wrong with a file of a database.
var damages = map[string]func(t *testing.T, path string){
	"empty pages":   overwrite(func(i int) byte { return 0 }),
	"other pages":   overwrite(func(i int) byte { return byte(i * 7) }),
	"full pages":    overwrite(func(int) byte { return 0xff }),
	"half the file": truncate(0.5),
	"one page":      truncate(0),
	"text": func(t *testing.T, path string) {
		require.NoError(t, os.WriteFile(path, []byte("<html>"), 0o600))
	},
}

// overwrite spares the pages by which a database is known as one.
func overwrite(with func(int) byte) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		for i := 2 * os.Getpagesize(); i < len(data); i++ {
			data[i] = with(i)
		}
		require.NoError(t, os.WriteFile(path, data, 0o600))
	}
}

func truncate(part float64) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.NoError(t, os.Truncate(path, max(int64(os.Getpagesize()), int64(float64(info.Size())*part))))
	}
}

func TestDamagedDatabase(t *testing.T) {
	build := serve(t, archive(t, tar.Header{Typeflag: tar.TypeReg, Name: "file", Size: 1000}))
	for _, name := range []string{contentDB, metadataDB, solverDB, historyDB, snapshotDB} {
		for damage, do := range damages {
			t.Run(name+", "+damage, func(t *testing.T) {
				root := t.TempDir()
				digest := built(t, root, build, nil)
				do(t, filepath.Join(root, cacheSubdir, name))
				leave(t, root, func(*cacheState) {}) // a disk damages it without a trace
				var log isolatetest.Output
				require.Equal(t, digest, built(t, root, build, &log))
				if damage != "half the file" { // which may be the empty one
					require.Contains(t, log.String(), thrownAway+"database "+name)
				}
				require.Eventually(t, func() bool { return len(glob(t, root, stalePrefix+"*")) == 0 }, sandbox.WaitTimeout, 10*time.Millisecond)
			})
		}
	}
}

// built starts BuildKit on a root, builds, and closes it.
func built(t *testing.T, root string, b *build, log *isolatetest.Output) string {
	t.Helper()
	isolatetest.NeedRoot(t)
	o := Options{Root: root}
	if log != nil {
		o.Log = log
	}
	bk, err := Start(t.Context(), o)
	require.NoError(t, err)
	digest, err := b.run(t.Context(), bk)
	require.NoError(t, err)
	require.NoError(t, bk.Close())
	return digest
}

func glob(t testing.TB, root, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, pattern))
	require.NoError(t, err)
	return found
}

func TestDatabaseInUseIsNoReasonToThrowItAway(t *testing.T) {
	isolatetest.NeedRoot(t)
	root := t.TempDir()
	require.NoError(t, start(t, Options{Root: root}).Close())
	db, err := bolt.Open(filepath.Join(root, cacheSubdir, metadataDB), 0o600, nil)
	require.NoError(t, err)
	defer db.Close()
	_, err = Start(t.Context(), Options{Root: root})
	require.ErrorContains(t, err, "database metadata_v2.db: another process has it open: timeout")
	require.DirExists(t, filepath.Join(root, cacheSubdir))
}

func TestOtherLayout(t *testing.T) {
	for _, version := range []string{"1 overlayfs\n", "3 overlayfs\n", "2 zfs\n", "", "\x00\x00"} {
		root := t.TempDir()
		require.NoError(t, start(t, Options{Root: root}).Close())
		require.NoError(t, os.WriteFile(filepath.Join(root, versionFile), []byte(version), 0o600))
		old := filepath.Join(root, cacheSubdir, "old")
		require.NoError(t, os.WriteFile(old, nil, 0o600))
		var log isolatetest.Output
		require.NoError(t, start(t, Options{Root: root, Log: &log}).Close())
		require.Contains(t, log.String(), thrownAway+"its layout is")
		require.NoFileExists(t, old)
		again, err := os.ReadFile(filepath.Join(root, versionFile))
		require.NoError(t, err)
		require.Equal(t, "2 overlayfs\n", string(again))
	}
}
