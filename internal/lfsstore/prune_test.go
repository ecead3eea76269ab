package lfsstore

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestTheOldestFilesArePrunedFirst(t *testing.T) {
	for name, c := range map[string]struct {
		wanted func(age time.Duration, total int64) bool
		left   []string
	}{
		"all":     {func(time.Duration, int64) bool { return true }, []string{"locked.part"}},
		"none":    {func(time.Duration, int64) bool { return false }, []string{"locked.part", "new", "old", "older.part"}},
		"by age":  {func(age time.Duration, _ int64) bool { return age > 90*time.Minute }, []string{"locked.part", "new", "old"}},
		"by size": {func(_ time.Duration, total int64) bool { return total > 20 }, []string{"locked.part", "new"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			now := time.Now()
			for name, age := range map[string]time.Duration{"new": 0, "old": time.Hour, "older.part": 2 * time.Hour, "locked.part": time.Hour} {
				file := filepath.Join(dir, name)
				require.NoError(t, os.WriteFile(file, make([]byte, 10), 0o600))
				require.NoError(t, os.Chtimes(file, now.Add(-age), now.Add(-age)))
			}
			held, err := os.Open(filepath.Join(dir, "locked.part"))
			require.NoError(t, err)
			defer held.Close()
			require.NoError(t, unix.Flock(int(held.Fd()), unix.LOCK_EX))
			freed, err := Prune(dir, c.wanted)
			require.NoError(t, err)
			require.EqualValues(t, 10*(4-len(c.left)), freed)
			var left []string
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			for _, e := range entries {
				left = append(left, e.Name())
			}
			require.Equal(t, c.left, left)
			size, err := Size(dir)
			require.NoError(t, err)
			require.EqualValues(t, 10*len(c.left), size)
		})
	}
	freed, err := Prune(filepath.Join(t.TempDir(), "none"), nil)
	require.NoError(t, err)
	require.Zero(t, freed)
}

func TestADirThatAKilledProcessLeftIsPruned(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, "private-1")
	require.NoError(t, os.Mkdir(left, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(left, "part"), []byte("x"), 0o600))
	_, err := Prune(dir, func(time.Duration, int64) bool { return true })
	require.NoError(t, err)
	require.NoDirExists(t, left)
}
