package embedded

import (
	"archive/tar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
	forRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		for _, snapshotter := range []string{Overlayfs, Native} {
			root := userDir(t)
			if as == nil {
				root = t.TempDir()
			}
			digest := digestOf(t, mustRun(t, job{Root: root, Snapshotter: snapshotter, Build: b}, as))
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
	mustRun(t, job{Root: filepath.Join(root, "cache"), Build: b}, asUser)
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
	p := startJob(t, job{Root: userDir(t), Build: b}, asUser)
	require.Equal(t, 1, p.exitCode())
	require.Contains(t, p.stderr.String(), "operation not permitted")
}

func TestUserWithoutSubordinateIDs(t *testing.T) {
	for subordinate, want := range map[string]string{
		"":                                 "add the line tester:100000:65536 to /etc/subuid",
		"other:100000:65536\n":             "add the line tester:165536:65536 to /etc/subuid",
		"a:300000:65536\nb:200000:65536\n": "add the line tester:365536:65536 to /etc/subuid",
	} {
		needRoot(t)
		p := startJob(t, job{Bare: true}, func(tb testing.TB, cmd *exec.Cmd) { asUserWith(tb, cmd, subordinate, "") })
		require.Equal(t, 1, p.exitCode())
		require.Equal(t, "user tester has no subordinate ids, without which only root can build: "+want+"\n", p.stderr.String())
	}
}

// Whose number has no name, as in a container that is run as any number, gets all that is missing.
func TestUserWithoutName(t *testing.T) {
	const name, ids = "user54321:x:54321:54321::/:/bin/sh to /etc/passwd", "54321:100000:65536 to /etc/subuid"
	for subordinate, want := range map[string]string{
		"":                       "user 54321 has no name and no subordinate ids, without which only root can build: add the line " + name + ", and the line " + ids,
		"54321:300000:65536\n":   "user 54321 has no name, without which only root can build: add the line " + name,
		"user54321:400000:100\n": "user 54321 has no name and no subordinate ids, without which only root can build: add the line " + name + ", and the line 54321:400100:65536 to /etc/subuid",
	} {
		needRoot(t)
		p := startJob(t, job{Bare: true}, func(tb testing.TB, cmd *exec.Cmd) {
			asUserWith(tb, cmd, subordinate, "sed -i /tester/d \"$0/passwd\"\n")
		})
		require.Equal(t, 1, p.exitCode())
		require.Equal(t, want+"\n", p.stderr.String())
	}
	// With these lines it works.
	p := startJob(t, job{Bare: true}, func(tb testing.TB, cmd *exec.Cmd) {
		asUserWith(tb, cmd, "54321:100000:65536\n", "sed -i s/tester:/user54321:/ \"$0/passwd\"\n")
	})
	require.Equal(t, 7, p.exitCode(), &p.stderr)
}

func TestSubordinateIDsByNumber(t *testing.T) {
	needRoot(t)
	p := startJob(t, job{Bare: true}, func(tb testing.TB, cmd *exec.Cmd) {
		asUserWith(tb, cmd, "54321:300000:1000\nother:100000:65536\ntester:400000:64536\n", "")
	})
	require.Equal(t, 7, p.exitCode(), &p.stderr)
}

func TestUserWithoutHelpers(t *testing.T) {
	needRoot(t)
	for _, helper := range []string{"newuidmap", "newgidmap"} {
		p := startJob(t, job{Bare: true}, func(tb testing.TB, cmd *exec.Cmd) {
			path, err := LookPath(helper)
			require.NoError(tb, err)
			asUserWith(tb, cmd, "tester:300000:65536\n", "mount --bind /dev/null "+path+"\n")
		})
		require.Equal(t, 1, p.exitCode())
		require.Contains(t, p.stderr.String(), helper+" is missing, without which only root can build: install package uidmap (Debian, Ubuntu)")
	}
}

// In a container parts of /proc are hidden: the child has no process namespace then, and its steps none either,
// which has to be allowed.
func TestUserWithMaskedProc(t *testing.T) {
	b := serve(t, busybox(t))
	b.Run = "/bin/busybox sh -c '/bin/busybox echo pid $$'"
	for name, as := range map[string]func(testing.TB, *exec.Cmd){
		"user": func(tb testing.TB, cmd *exec.Cmd) {
			asUserWith(tb, cmd, "tester:300000:65536\n", "mount --bind /dev/null /proc/kallsyms\n")
		},
		"root": func(tb testing.TB, cmd *exec.Cmd) { asWeakRoot(tb, cmd, "mount --bind /dev/null /proc/kallsyms\n") },
	} {
		t.Run(name, func(t *testing.T) {
			needRoot(t, "runc")
			root := userDir(t)
			if name == "root" {
				root = t.TempDir()
			}
			p := startJob(t, job{Root: root, Build: b}, as)
			require.Equal(t, 1, p.exitCode())
			require.Contains(t, p.stderr.String(), noSandbox)
			require.Contains(t, noSandbox, "--no-process-sandbox")
			require.Contains(t, noSandbox, "as root of the machine, or outside the container")
			require.NotContains(t, p.out.String(), "log pid ")

			without := *b
			without.Run = ""
			mustRun(t, job{Root: root, Build: &without}, as)

			p = mustRun(t, job{Root: root, Build: b, NoProcessSandbox: true}, as)
			require.Contains(t, p.out.String(), "log pid ")
			require.NotContains(t, p.out.String(), "log pid 1\n")
		})
	}
}

// What is allowed is not what has to be.
func TestSandboxIsKeptWhereItCanBe(t *testing.T) {
	b := serve(t, busybox(t))
	b.Run = "/bin/busybox sh -c '/bin/busybox echo pid $$'"
	forRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		needRoot(t, "runc")
		root := userDir(t)
		if as == nil {
			root = t.TempDir()
		}
		p := mustRun(t, job{Root: root, Build: b, NoProcessSandbox: true}, as)
		require.Contains(t, p.out.String(), "log pid 1\n")
	})
}

// asWeakRoot runs a command as root of a container, which may not mount.
func asWeakRoot(t testing.TB, cmd *exec.Cmd, before string) {
	t.Helper()
	if _, err := LookPath("setpriv"); err != nil {
		missing(t, err)
	}
	var err error
	script := before + `exec setpriv --bounding-set -sys_admin "$0" "$@"`
	cmd.Args = append([]string{"unshare", "--mount", "sh", "-ec", script, "/proc/self/exe"}, cmd.Args[1:]...)
	program, err := os.Executable()
	require.NoError(t, err)
	cmd.Args[5] = program
	cmd.Path, err = exec.LookPath("unshare")
	require.NoError(t, err)
}

func TestRootWhoMayNotMountBuildsWhatRootBuilds(t *testing.T) {
	needRoot(t, "runc")
	b := serve(t, archives(t)...)
	want := digestOf(t, mustRun(t, job{Root: t.TempDir(), Build: b}, nil))
	weak := func(tb testing.TB, cmd *exec.Cmd) { asWeakRoot(tb, cmd, "") }
	root := t.TempDir()
	require.Equal(t, want, digestOf(t, mustRun(t, job{Root: root, Build: b}, weak)))

	b = serve(t, busybox(t))
	b.Run = "/bin/busybox sh -c '/bin/busybox echo pid $$; /bin/busybox chown 70000:4000000000 /bin/busybox; /bin/busybox stat -c %u:%g /bin/busybox'"
	p := mustRun(t, job{Root: root, Build: b}, weak)
	require.Contains(t, p.out.String(), "log pid 1\n")
	require.Contains(t, p.out.String(), "70000:4000000000\n")
}

// Layers of overlayfs are written otherwise in a user namespace.
func TestCacheOfRootIsNotThatOfAUserNamespace(t *testing.T) {
	needRoot(t, "runc")
	b := serve(t, busybox(t))
	b.Run = "/bin/busybox sh -c '/bin/busybox rm -r /bin/sh; /bin/busybox ls /bin'"
	root := t.TempDir()
	weak := func(tb testing.TB, cmd *exec.Cmd) { asWeakRoot(tb, cmd, "") }
	for i, as := range []func(testing.TB, *exec.Cmd){nil, nil, weak, weak, nil} {
		p := mustRun(t, job{Root: root, Build: b}, as)
		require.Equal(t, i == 2 || i == 4, strings.Contains(p.stderr.String(), "thrown away"), "%d: %s", i, &p.stderr)
	}
}

func TestToThemselves(t *testing.T) {
	require.Equal(t, "0 0 1\n1 1 4294967294\n", identityMap("         0          0 4294967295\n"))
	require.Equal(t, "0 0 1\n1 1 65536\n", identityMap("0 1000 1\n1 100000 65536\n"))
}

func TestWhoRefusesUserNamespaces(t *testing.T) {
	sysctl := t.TempDir()
	require.Equal(t, "the kernel refuses it, as it does in many containers", denialHint(sysctl))
	for _, s := range sysctls {
		file := filepath.Join(sysctl, s.file)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(s.closed+"\n"), 0o600))
		require.Equal(t, s.advice, denialHint(sysctl))
		require.NoError(t, os.WriteFile(file, []byte("7\n"), 0o600))
	}
}
