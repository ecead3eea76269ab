package test

import (
	"archive/tar"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/fstree"
	"lambdabase/test/readme"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// userID is that of the ordinary user of the tests, who has no account: the files in /etc that tell of one are put in the
// place of the machine's for the time of a command, in a mount namespace of its own.
const userID = 54321

const subordinates = "joe:300000:65536\n"

// newUserCLI is the command of an ordinary user, with a home and the cache in it.
func newUserCLI(t testing.TB) *cli {
	t.Helper()
	return newUserCLIAfter(t, "")
}

// newUserCLIAfter has root do something before each command, where only that command sees it.
func newUserCLIAfter(t testing.TB, before string) *cli {
	t.Helper()
	sandbox.Require(t)
	for _, program := range []string{"unshare", "setpriv", "newuidmap", "newgidmap"} {
		if _, err := exec.LookPath(program); err != nil {
			require.NotEqual(t, "required", os.Getenv("LAMBDABASE_TEST"), err)
			t.Skipf("an ordinary user: %v", err)
		}
	}
	dir, err := os.MkdirTemp(diskDir, "user") // those of t are root's
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	for name, text := range map[string]string{
		"passwd": "root:x:0:0::/root:/bin/sh\njoe:x:54321:54321::" + dir + "/home:/bin/sh\n",
		"group":  "root:x:0:\njoe:x:54321:\n",
		"subuid": subordinates,
		"subgid": subordinates,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	home := filepath.Join(dir, "home")
	for _, dir := range []string{home, filepath.Join(home, "work"), filepath.Join(home, "tmp")} {
		require.NoError(t, os.Mkdir(dir, 0o755))
		require.NoError(t, os.Chown(dir, userID, userID))
	}
	c := &cli{root: filepath.Join(home, ".cache", "lambdabase"), home: home, path: os.Getenv("PATH"), dir: filepath.Join(home, "work"), env: []string{"TMPDIR=" + home + "/tmp"}}
	c.setUser = func(cmd *exec.Cmd) {
		script := `path=$PATH; PATH=/usr/sbin:/usr/bin:/sbin:/bin
			` + before + `
			for f in passwd group subuid subgid; do mount --bind "$0/$f" /etc/$f; done
			exec setpriv --reuid 54321 --regid 54321 --clear-groups env -u LAMBDABASE_ROOT PATH="$path" "$@"`
		cmd.Path, cmd.Args = must(exec.LookPath("unshare")), append([]string{"unshare", "--mount", "/bin/sh", "-ec", script, dir}, cmd.Args...)
	}
	c.checkAfter(t)
	return c
}

// requireOwn wants everything in a folder to be the user's.
func requireOwn(t testing.TB, dir string) {
	t.Helper()
	require.NoError(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		require.NoError(t, err)
		require.EqualValues(t, userID, info.Sys().(*syscall.Stat_t).Uid, path)
		require.EqualValues(t, userID, info.Sys().(*syscall.Stat_t).Gid, path)
		return nil
	}))
}

func TestAnOrdinaryUserBuildsTheSame(t *testing.T) {
	t.Parallel()
	c := newUserCLI(t)
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x", "python3.12")
	for _, more := range [][]string{nil, {"--objects=lfs"}} {
		args := append(append(buildArgs(h, "nodejs20.x", "python3.12"), "-o", "{runtime}.tar", "-o", "type=local,dest={runtime}"), more...)
		c.mustRun(t, args...)
		for _, runtime := range []string{"nodejs20.x", "python3.12"} {
			requireDigest(t, c.file(runtime+".tar"), oneImage(t, d, h.request(runtime)))
		}
		requireOwn(t, c.dir)
		h.Reset()
		c.mustRun(t, args...)
		require.Zero(t, h.Total(githost.Object)+h.Total(githost.Batch))
	}
	want, err := d.Local(t, h.request("nodejs20.x"))
	require.NoError(t, err)
	got, err := fstree.FromDir(c.file("nodejs20.x"))
	require.NoError(t, err)
	require.Len(t, got, len(want))

	require.Contains(t, c.mustRun(t, append([]string{"inspect", "nodejs20.x", "/var/runtime"}, h.flags()...)...), "993:990")
	require.Contains(t, c.mustRun(t, append([]string{"inspect", "nodejs20.x", "--packages"}, h.flags()...)...), "\nglibc ")
	require.Regexp(t, `^freed [\d.]+MB\n$`, c.mustRun(t, "prune", "--all"))
}

func TestAnOrdinaryUserRunsSteps(t *testing.T) {
	t.Parallel()
	c := newUserCLI(t)
	h := serveRunnable(t)
	c.writeFiles(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nRUN id -u > who && chown 1000:1000 who\n"})
	c.mustRun(t, append([]string{"build", "-f", "Dockerfile", "-o", "image.tar"}, h.flags()...)...)
	images, err := sandbox.ReadOCI(c.file("image.tar"))
	require.NoError(t, err)
	tree, err := images[0].Tree()
	require.NoError(t, err)
	require.Equal(t, sha256Of("0\n"), tree["/var/task/who"].SHA256)
	require.Equal(t, 1000, tree["/var/task/who"].UID)
}

// In a container parts of /proc are hidden, so that steps can't be kept from the processes of the user.
func TestStepsWithoutAProcessSandboxAreToBeAllowed(t *testing.T) {
	t.Parallel()
	c := newUserCLIAfter(t, "mount --bind /dev/null /proc/kallsyms")
	h := serveRunnable(t)
	c.mustRun(t, append(buildArgs(h, "nodejs20.x"), "-o", "base.tar")...)
	c.writeFiles(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nCOPY Dockerfile copy\n"})
	args := append([]string{"build", "-f", "Dockerfile", "-o", "image.tar"}, h.flags()...)
	c.mustRun(t, args...)

	c.writeFiles(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nRUN touch /made\n"})
	output := c.mustFail(t, 1, args...)
	require.Contains(t, output, ">>> RUN touch /made")
	require.Contains(t, output, "this step would run without a process sandbox")
	require.Contains(t, output, "Allow it with --no-process-sandbox")

	c.mustRun(t, append(args, "--no-process-sandbox")...)
	images, err := sandbox.ReadOCI(c.file("image.tar"))
	require.NoError(t, err)
	tree, err := images[0].Tree()
	require.NoError(t, err)
	require.Contains(t, tree, "/made")
	c.mustRun(t, args...) // what was run before is not run
}

// A container's root may not mount, but may have a user namespace.
func TestRootOfAContainerBuildsTheSame(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	d := sandbox.Start(t)
	h := serveRunnable(t)
	want := oneImage(t, d, h.request("nodejs20.x"))
	c.setUser = func(cmd *exec.Cmd) {
		cmd.Path, cmd.Args = must(exec.LookPath("setpriv")), append([]string{"setpriv", "--bounding-set", "-sys_admin"}, cmd.Args...)
	}
	c.mustRun(t, append(buildArgs(h, "nodejs20.x"), "-o", "image.tar")...)
	requireDigest(t, c.file("image.tar"), want)
	c.writeFiles(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nRUN touch /made && chown 70000:80000 /made\n"})
	c.mustRun(t, append([]string{"build", "-f", "Dockerfile", "-o", "image.tar"}, h.flags()...)...)
	images, err := sandbox.ReadOCI(c.file("image.tar"))
	require.NoError(t, err)
	tree, err := images[0].Tree()
	require.NoError(t, err)
	require.Equal(t, 70000, tree["/made"].UID)
	require.Equal(t, 80000, tree["/made"].GID)
}

// By a user BuildKit doesn't have the network of a step but from the machine; a step may do without.
func TestTheNetworkOfAStep(t *testing.T) {
	t.Parallel()
	h := serveRunnable(t)
	for name, c := range map[string]*cli{"root": newCLI(t), "user": newUserCLI(t)} {
		t.Run(name, func(t *testing.T) {
			c.writeFiles(t, map[string]string{
				"has":  "FROM nodejs20.x\nRUN grep -q . /proc/net/route && touch /made\n",
				"none": "FROM nodejs20.x\nRUN --network=none ! grep -qv Iface /proc/net/route && touch /made\n",
				"host": "FROM nodejs20.x\nRUN --network=host touch /made\n",
			})
			args := append([]string{"build", "--no-cache"}, h.flags()...)
			c.mustRun(t, append(args, "-f", "has")...)
			c.mustRun(t, append(args, "-f", "none")...)
			require.Contains(t, c.mustFail(t, 1, append(args, "-f", "host")...), "network.host is not allowed")
		})
	}
}

// Files of images belong to subordinate ids, so that the user can't simply remove them.
func TestAnOrdinaryUserRemovesTheCache(t *testing.T) {
	t.Parallel()
	c := newUserCLI(t)
	h := serveRunnable(t)
	c.writeFiles(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nRUN mkdir -m 700 /d && touch /d/file && chown -R 1000:1000 /d\n"})
	for _, remove := range []string{`"$0" prune --all; rm -r "$HOME/.cache/lambdabase"`, `unshare --map-auto --map-root-user rm -r "$HOME/.cache/lambdabase"`} {
		c.mustRun(t, append([]string{"build", "-f", "Dockerfile"}, h.flags()...)...)
		as := c.setUser
		c.setUser = func(cmd *exec.Cmd) {
			inShell(cmd, `test -n "$(find "$HOME/.cache/lambdabase" -uid +300000 2>/dev/null)"; `+remove)
			as(cmd)
		}
		s := c.run(t)
		require.Zero(t, s.code, s.stdout+s.stderr)
		require.NoDirExists(t, c.root)
		c.setUser = as
	}
}

// An image is the same without attributes that only root can set, but its files in an archive or a dir are not.
func TestWhatAnOrdinaryUserCannotHaveIsSaid(t *testing.T) {
	t.Parallel()
	c := newUserCLI(t)
	layer := packTar(t, append(slices.Clone(taskDirs), entry{Header: tar.Header{Typeflag: tar.TypeReg, Name: "marked", Mode: 0o644, PAXRecords: map[string]string{"SCHILY.xattr.trusted.mark": "x", "SCHILY.xattr.user.mark": "x"}}})...)
	h := serve(t, []sample.Branch{newBranch("case", compress(t, layer))})
	s := c.run(t, append(buildArgs(h, "case"), "-o", "image.tar")...)
	require.Zero(t, s.code, s.stderr)
	require.Contains(t, s.stderr, "warning: attribute trusted.mark of /marked is left out, as only root can set it")
	readme.Explains(t, s.stderr, "is left out, as only root can set it")
	require.NotContains(t, s.stderr, "user.mark")
	want := oneImage(t, sandbox.Start(t), h.request("case"))
	requireDigest(t, c.file("image.tar"), want)
	root := newCLI(t).run(t, buildArgs(h, "case")...)
	require.NotContains(t, root.stderr, "left out")
}

func TestTooFewSubordinateIDsAreSaid(t *testing.T) {
	t.Parallel()
	c := newUserCLI(t)
	for name := range map[string]bool{"subuid": true, "subgid": true} {
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(c.home), name), []byte("joe:300000:1000\n"), 0o644))
	}
	file := func(uid, gid int) *repoServer {
		owned := entry{Header: tar.Header{Typeflag: tar.TypeReg, Name: "owned", Mode: 0o644, Uid: uid, Gid: gid}}
		return serve(t, []sample.Branch{newBranch("case", compress(t, packTar(t, append(slices.Clone(taskDirs), owned)...)))})
	}
	c.mustRun(t, buildArgs(file(1000, 1000), "case")...)
	require.Contains(t, c.mustFail(t, 1, buildArgs(file(1001, 5), "case")...),
		"/owned has the uid 1001, and you have 1000 subordinate ids: add the line 54321:301000:65536 to /etc/subuid\n")
	h := file(5, 100000)
	require.Contains(t, c.mustFail(t, 1, buildArgs(h, "case")...),
		"/owned has the gid 100000, and you have 1000 subordinate ids: add the line 54321:301000:99000 to /etc/subgid\n")
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(c.home), "subgid"), []byte("joe:300000:1000\n54321:301000:99000\n"), 0o644))
	c.mustRun(t, buildArgs(h, "case")...)
}

func TestAnOrdinaryUsersBuildEndsWithTheCommand(t *testing.T) {
	t.Parallel()
	c := newUserCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	args := append(buildArgs(h, "nodejs20.x"), "-o", "image.tar", "--no-cache")
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		h.Reset()
		h.Inject(faults.Target{Kind: githost.Object}, faults.Fault{Stall: -1})
		cmd := c.command(t, args...)
		ended := make(chan cmdResult, 1)
		go func() { ended <- runToEnd(t, cmd) }()
		sandbox.Wait(t, func() bool { return h.Total(githost.Object) > 0 }, "request for an object")
		require.NotEmpty(t, processesWithHome(c.home))
		require.NoError(t, cmd.Process.Signal(signal))
		require.Equal(t, map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGKILL: -1}[signal], (<-ended).code)
		sandbox.Wait(t, func() bool { return len(processesWithHome(c.home)) == 0 }, "end of all processes")
		h.ClearFaults()
		c.mustRun(t, args...)
	}
}

func TestAUserWhoCannotBuildIsToldWhatIsMissing(t *testing.T) {
	t.Parallel()
	c := newUserCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	bin := filepath.Join(c.home, "bin")
	require.NoError(t, os.Mkdir(bin, 0o755))
	for _, program := range []string{"git", "xz", "env"} {
		require.NoError(t, os.Symlink(must(exec.LookPath(program)), filepath.Join(bin, program)))
	}
	c.path = bin
	output := c.mustFail(t, 1, buildArgs(h, "nodejs20.x")...)
	require.Contains(t, output, "lambdabase: newuidmap is missing, without which only root can build: install package uidmap (Debian, Ubuntu)")
	require.Contains(t, c.mustRun(t, "list", h.repositoryFlag()), "nodejs20.x", "which needs no BuildKit")
	c.mustRun(t, "version")
}
