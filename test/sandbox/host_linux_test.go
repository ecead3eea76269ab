package sandbox

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestMountsBelowAreTheInnermostFirst(t *testing.T) {
	table := "1 0 0:1 / /tmp rw - tmpfs tmpfs rw\n" +
		"2 1 0:2 / /tmp/d/a rw - tmpfs tmpfs rw\n" +
		"3 2 0:3 / /tmp/d/a/b rw - tmpfs tmpfs rw\n" +
		"4 1 0:4 / /tmp/dd/a rw - tmpfs tmpfs rw\n"
	require.Equal(t, []string{"/tmp/d/a/b", "/tmp/d/a"}, mountsBelow("/tmp/d", table))
}

func TestUnmountBelow(t *testing.T) {
	Require(t)
	dir := t.TempDir()
	point := filepath.Join(dir, "mounted")
	require.NoError(t, os.Mkdir(point, 0o700))
	require.NoError(t, unix.Mount("none", point, "tmpfs", 0, ""))
	require.NoError(t, os.WriteFile(filepath.Join(point, "x"), nil, 0o600))
	require.NoError(t, unmountBelow(dir))
	require.NoFileExists(t, filepath.Join(point, "x"))
}

func TestAvailableMemoryIsWhatTheKernelSays(t *testing.T) {
	require.EqualValues(t, 21930<<10, availableMemory("MemTotal:       24105 kB\nMemFree:        1 kB\nMemAvailable:   21930 kB\n"))
	require.Zero(t, availableMemory("MemTotal:       24105 kB\n"))
}

func TestATmpfsIsUsedWhereTMPDIRIsNotSet(t *testing.T) {
	t.Setenv("TMPDIR", "/a")
	require.Empty(t, UseMemory())
	require.Equal(t, "/a", os.Getenv("TMPDIR"))
	t.Setenv("TMPDIR", "")
	if dir := UseMemory(); dir != "" {
		require.NoError(t, os.RemoveAll(dir))
		require.Equal(t, dir, os.TempDir())
	}
}
