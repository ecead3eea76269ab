//go:build unix

package fstree

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestFromDir(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	require.NoError(t, os.Mkdir(at("d"), 0o700))
	require.NoError(t, os.WriteFile(at("d/hello"), []byte("hello"), 0o600))
	require.NoError(t, os.Chmod(at("d/hello"), 0o755|os.ModeSetuid))
	require.NoError(t, os.Link(at("d/hello"), at("again")))
	require.NoError(t, os.Symlink("d/hello", at("s")))
	require.NoError(t, unix.Mkfifo(at("f"), 0o600))
	for _, name := range []string{"d/hello", "s", "f", "d"} {
		times := []unix.Timespec{unix.NsecToTimespec(1), unix.NsecToTimespec(someTime.UnixNano())}
		require.NoError(t, unix.UtimesNanoAt(unix.AT_FDCWD, at(name), times, unix.AT_SYMLINK_NOFOLLOW))
	}

	got, err := FromDir(root)
	require.NoError(t, err)
	uid, gid, mtime := os.Getuid(), os.Getgid(), someTime.UnixNano()
	hello := Entry{Type: File, Mode: 0o4755, UID: uid, GID: gid, Size: 5, Mtime: mtime, SHA256: helloSum, Link: "/again"}
	require.Nil(t, Diff(Tree{
		"/again":   hello,
		"/d":       {Type: Dir, Mode: 0o700, UID: uid, GID: gid, Mtime: mtime},
		"/d/hello": hello,
		"/f":       {Type: Fifo, Mode: 0o600, UID: uid, GID: gid, Mtime: mtime},
		"/s":       {Type: Symlink, Mode: 0o777, UID: uid, GID: gid, Mtime: mtime, Target: "d/hello"},
	}, got))
}

func TestFromDirReadsXattrs(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "x")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	if err := unix.Setxattr(file, "user.b", []byte("2\n"), 0); err != nil {
		t.Skipf("file system without xattrs: %v", err)
	}
	require.NoError(t, unix.Setxattr(file, "user.a", nil, 0))
	got, err := FromDir(root)
	require.NoError(t, err)
	require.Equal(t, `user.a="" user.b="2\n"`, got["/x"].Xattrs)
}

func TestFromDirOfNothing(t *testing.T) {
	_, err := FromDir(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
