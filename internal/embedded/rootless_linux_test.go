package embedded

import (
	"archive/tar"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"lambdabase/test/fstree"
	"lambdabase/test/sandbox"
)

// The image is the same whoever builds it, however layers are kept.
func TestUserBuildsWhatRootBuilds(t *testing.T) {
	b := serve(t, archives(t)...)
	digests := map[string]string{}
	forEverybody(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		for _, snapshotter := range []string{Overlayfs, Native} {
			root := userDir(t)
			if as == nil {
				root = t.TempDir()
			}
			digest := digestOf(t, did(t, job{Root: root, Snapshotter: snapshotter, Build: b}, as))
			digests[digest] = t.Name() + " " + snapshotter
		}
	})
	require.LessOrEqual(t, len(digests), 1, digests)
}

func TestOutputOfUser(t *testing.T) {
	needRoot(t)
	root := userDir(t)
	b := serve(t, archives(t)...)
	b.Out = filepath.Join(root, "image.tar")
	did(t, job{Root: filepath.Join(root, "cache"), Build: b}, asUser)
	info, err := os.Stat(b.Out)
	require.NoError(t, err)
	require.EqualValues(t, testUser, info.Sys().(*syscall.Stat_t).Uid)
	require.EqualValues(t, testUser, info.Sys().(*syscall.Stat_t).Gid)

	images, err := sandbox.ReadOCI(b.Out)
	require.NoError(t, err)
	tree, err := images[0].Tree()
	require.NoError(t, err)
	for _, path := range []string{"/usr/su", "/usr/sudo"} {
		require.EqualValues(t, 0o4755, tree[path].Mode, path)
	}
	require.Equal(t, fstree.Entry{Type: tree["/var/task"].Type, Mode: 0o755, UID: 993, GID: 990, Mtime: epoch.UnixNano()}, tree["/var/task"])
	require.Contains(t, tree["/usr/ping"].Xattrs, "security.capability")
	require.Equal(t, 1399, tree["/var/task/399"].UID)
}

// A user namespace has no devices. BuildKit's error tells no path, but that of the step does.
func TestDevicesOfUser(t *testing.T) {
	needRoot(t)
	b := serve(t, archive(t, tar.Header{Typeflag: tar.TypeChar, Name: "null", Devmajor: 1, Devminor: 3}))
	p := begin(t, job{Root: userDir(t), Build: b}, asUser)
	require.Equal(t, 1, p.exit())
	require.Contains(t, p.stderr.String(), "operation not permitted")
}

func TestUserWithoutSubordinateIDs(t *testing.T) {
	for subordinate, want := range map[string]string{
		"":                                 "add the line tester:100000:65536 to /etc/subuid",
		"other:100000:65536\n":             "add the line tester:165536:65536 to /etc/subuid",
		"a:300000:65536\nb:200000:65536\n": "add the line tester:365536:65536 to /etc/subuid",
	} {
		needRoot(t)
		p := begin(t, job{Bare: true}, func(tb testing.TB, cmd *exec.Cmd) { asUserWith(tb, cmd, subordinate, "") })
		require.Equal(t, 1, p.exit())
		require.Equal(t, "user tester has no subordinate ids, without which only root can build: "+want+"\n", p.stderr.String())
	}
}

func TestSubordinateIDsByNumber(t *testing.T) {
	needRoot(t)
	p := begin(t, job{Bare: true}, func(tb testing.TB, cmd *exec.Cmd) {
		asUserWith(tb, cmd, "54321:300000:1000\nother:100000:65536\ntester:400000:64536\n", "")
	})
	require.Equal(t, 7, p.exit(), &p.stderr)
}

func TestUserWithoutHelpers(t *testing.T) {
	needRoot(t)
	for _, helper := range []string{"newuidmap", "newgidmap"} {
		p := begin(t, job{Bare: true}, func(tb testing.TB, cmd *exec.Cmd) {
			path, err := lookPath(helper)
			require.NoError(tb, err)
			asUserWith(tb, cmd, "tester:300000:65536\n", "mount --bind /dev/null "+path+"\n")
		})
		require.Equal(t, 1, p.exit())
		require.Contains(t, p.stderr.String(), helper+" is missing, without which only root can build: install package uidmap (Debian, Ubuntu)")
	}
}

// In a container parts of /proc are hidden: the inner process has no process namespace then, and its steps none either.
func TestUserWithMaskedProc(t *testing.T) {
	needRoot(t, "runc")
	b := serve(t, busybox(t))
	b.Run = "/bin/busybox sh -c '/bin/busybox echo pid $$'"
	p := begin(t, job{Root: userDir(t), Build: b}, func(tb testing.TB, cmd *exec.Cmd) {
		asUserWith(tb, cmd, "tester:300000:65536\n", "mount --bind /dev/null /proc/kallsyms\n")
	})
	require.Zero(t, p.exit())
	require.Contains(t, p.out.String(), "log pid ")
	require.NotContains(t, p.out.String(), "log pid 1\n")
}

func TestWhoRefusesUserNamespaces(t *testing.T) {
	sysctl := t.TempDir()
	require.Equal(t, "the kernel refuses it, as it does in many containers", refusedBy(sysctl))
	for _, s := range switches {
		file := filepath.Join(sysctl, s.file)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(s.closed+"\n"), 0o600))
		require.Equal(t, s.advice, refusedBy(sysctl))
		require.NoError(t, os.WriteFile(file, []byte("7\n"), 0o600))
	}
}
