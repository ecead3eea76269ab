package embedded

import (
	"archive/tar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lambdabase/internal/isolate/isolatetest"
	"lambdabase/test/fstree"
	"lambdabase/test/readme"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// The image is the same whoever builds it, however layers are kept.
func TestUserBuildsWhatRootBuilds(t *testing.T) {
	b := serve(t, archives(t)...)
	digests := map[string]string{}
	isolatetest.ForRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		for _, snapshotter := range []string{Overlayfs, Native} {
			root := isolatetest.DirFor(t, as)
			digest := digestOf(t, isolatetest.MustRun(t, job{Root: root, Snapshotter: snapshotter, Build: b}, as))
			digests[digest] = t.Name() + " " + snapshotter
		}
	})
	require.LessOrEqual(t, len(digests), 1, digests)
}

func TestOutputOfUser(t *testing.T) {
	isolatetest.NeedRoot(t)
	root := isolatetest.UserDir(t)
	b := serve(t, archives(t)...)
	b.Out = filepath.Join(root, "image.tar")
	isolatetest.MustRun(t, job{Root: filepath.Join(root, "cache"), Build: b}, isolatetest.AsUser)
	info, err := os.Stat(b.Out)
	require.NoError(t, err)
	require.EqualValues(t, isolatetest.UserID, info.Sys().(*syscall.Stat_t).Uid)
	require.EqualValues(t, isolatetest.UserID, info.Sys().(*syscall.Stat_t).Gid)

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
	isolatetest.NeedRoot(t)
	b := serve(t, archive(t, tar.Header{Typeflag: tar.TypeChar, Name: "null", Devmajor: 1, Devminor: 3}))
	p := isolatetest.StartJob(t, job{Root: isolatetest.UserDir(t), Build: b}, isolatetest.AsUser)
	require.Equal(t, 1, p.ExitCode())
	require.Contains(t, p.Stderr.String(), "operation not permitted")
}

// In a container parts of /proc are hidden: the child has no process namespace then, and its steps none either,
// which has to be allowed.
func TestUserWithMaskedProc(t *testing.T) {
	b := serve(t, busybox(t))
	b.Run = "/bin/busybox sh -c '/bin/busybox echo pid $$'"
	for name, as := range map[string]func(testing.TB, *exec.Cmd){
		"user": func(tb testing.TB, cmd *exec.Cmd) {
			isolatetest.AsUserWith(tb, cmd, "tester:300000:65536\n", "mount --bind /dev/null /proc/kallsyms\n")
		},
		"root": func(tb testing.TB, cmd *exec.Cmd) {
			isolatetest.AsWeakRoot(tb, cmd, "mount --bind /dev/null /proc/kallsyms\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			isolatetest.NeedRoot(t, "runc")
			root := isolatetest.UserDir(t)
			if name == "root" {
				root = t.TempDir()
			}
			p := isolatetest.StartJob(t, job{Root: root, Build: b}, as)
			require.Equal(t, 1, p.ExitCode())
			require.Contains(t, p.Stderr.String(), noSandbox)
			readme.Explains(t, p.Stderr.String(), "would run without a process sandbox")
			require.Contains(t, noSandbox, "--no-process-sandbox")
			require.Contains(t, noSandbox, "as root of the machine, or outside the container")
			require.NotContains(t, p.Stdout.String(), "log pid ")

			without := *b
			without.Run = ""
			isolatetest.MustRun(t, job{Root: root, Build: &without}, as)

			p = isolatetest.MustRun(t, job{Root: root, Build: b, NoProcessSandbox: true}, as)
			require.Contains(t, p.Stdout.String(), "log pid ")
			require.NotContains(t, p.Stdout.String(), "log pid 1\n")
		})
	}
}

// What is allowed is not what has to be.
func TestSandboxIsKeptWhereItCanBe(t *testing.T) {
	b := serve(t, busybox(t))
	b.Run = "/bin/busybox sh -c '/bin/busybox echo pid $$'"
	isolatetest.ForRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		isolatetest.NeedRoot(t, "runc")
		root := isolatetest.DirFor(t, as)
		p := isolatetest.MustRun(t, job{Root: root, Build: b, NoProcessSandbox: true}, as)
		require.Contains(t, p.Stdout.String(), "log pid 1\n")
	})
}

func TestRootWhoMayNotMountBuildsWhatRootBuilds(t *testing.T) {
	isolatetest.NeedRoot(t, "runc")
	b := serve(t, archives(t)...)
	want := digestOf(t, isolatetest.MustRun(t, job{Root: t.TempDir(), Build: b}, nil))
	weak := func(tb testing.TB, cmd *exec.Cmd) { isolatetest.AsWeakRoot(tb, cmd, "") }
	root := t.TempDir()
	require.Equal(t, want, digestOf(t, isolatetest.MustRun(t, job{Root: root, Build: b}, weak)))

	b = serve(t, busybox(t))
	b.Run = "/bin/busybox sh -c '/bin/busybox echo pid $$; /bin/busybox chown 70000:4000000000 /bin/busybox; /bin/busybox stat -c %u:%g /bin/busybox'"
	p := isolatetest.MustRun(t, job{Root: root, Build: b}, weak)
	require.Contains(t, p.Stdout.String(), "log pid 1\n")
	require.Contains(t, p.Stdout.String(), "70000:4000000000\n")
}

// Layers of overlayfs are written otherwise in a user namespace.
func TestCacheOfRootIsNotThatOfAUserNamespace(t *testing.T) {
	isolatetest.NeedRoot(t, "runc")
	b := serve(t, busybox(t))
	b.Run = "/bin/busybox sh -c '/bin/busybox rm -r /bin/sh; /bin/busybox ls /bin'"
	root := t.TempDir()
	weak := func(tb testing.TB, cmd *exec.Cmd) { isolatetest.AsWeakRoot(tb, cmd, "") }
	for i, as := range []func(testing.TB, *exec.Cmd){nil, nil, weak, weak, nil} {
		p := isolatetest.MustRun(t, job{Root: root, Build: b}, as)
		require.Equal(t, i == 2 || i == 4, strings.Contains(p.Stderr.String(), "thrown away"), "%d: %s", i, &p.Stderr)
	}
}
