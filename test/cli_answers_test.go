package test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"

	"github.com/stretchr/testify/require"
)

func TestRuntimesAreListedWithOneRequest(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x", "go1.x")
	text := c.mustRun(t, "list", h.repositoryFlag())
	require.Regexp(t, `(?m)^RUNTIME +PLATFORMS +COMMIT +AGE +SIZE +END OF SUPPORT$`, text)
	require.Regexp(t, `(?m)^go1.x +linux/amd64 +`+must(h.Commit("go1.x"))[:12]+` +\d+ years +[\d.]+kB +2024-01-08$`, text)
	require.Regexp(t, `(?m)^nodejs20.x +linux/amd64,linux/arm64 +`+must(h.Commit("nodejs20.x"))[:12]+` .* 2026-04-30$`, text)

	for range 2 {
		h.Reset()
		require.Equal(t, text, c.mustRun(t, "list", h.repositoryFlag()))
		require.Equal(t, 1, h.Total(githost.Git), "nothing has changed since")
	}
	asked := c.setCredentialHelper(t, "t0ken")
	h.Reset()
	var list []struct {
		Name, Commit, EndOfSupport string
		Platforms                  []string
		Size                       int64
		Date                       time.Time
	}
	require.NoError(t, json.Unmarshal([]byte(c.mustRun(t, "list", "--json", h.repositoryFlag())), &list))
	require.Equal(t, 1, h.Total(githost.Git), "even where git has a credential helper")
	require.Empty(t, asked())
	require.Len(t, list, 2)
	require.Equal(t, "nodejs20.x", list[1].Name)
	require.Equal(t, must(h.Commit("nodejs20.x")), list[1].Commit)
	require.Equal(t, "2026-04-30", list[1].EndOfSupport)
	require.EqualValues(t, 80288, list[1].Size)

	_, err := h.Push(newBranch("python3.12", compress(t, packTar(t, taskDirs...))))
	require.NoError(t, err)
	require.Contains(t, c.mustRun(t, "list", h.repositoryFlag()), "python3.12 ", "what is new is there at once")
	require.Contains(t, c.mustFail(t, 1, "list", h.repositoryFlag()+"-not-there"), "pass a token as the secret GIT_AUTH_TOKEN."+h.hostPort())
	_, err = os.Stat(filepath.Join(c.root, "buildkit"))
	require.ErrorIs(t, err, os.ErrNotExist, "no BuildKit is needed")
}

func TestAPlanFetchesNothing(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		h := serveUpstream(t, "nodejs20.x")
		args := append(append([]string{"plan", "nodejs20.x"}, h.flags()...), where...)
		s := c.run(t, args...)
		require.Zero(t, s.code, s.stderr)
		require.Empty(t, s.stderr, "nothing but the answer")
		require.Contains(t, s.stdout, "commit      "+must(h.Commit("nodejs20.x"))+" (2024-10-14T14:15:39Z)\n")
		require.Contains(t, s.stdout, "to fetch    6 objects, 80.29kB\n")
		require.Zero(t, h.Total(githost.Object)+h.Total(githost.Batch))

		p := c.plan(t, h)
		require.Len(t, p.Objects(), 6)
		require.Len(t, p.Platforms[0].Layers, 6)
		both := c.mustRun(t, append(args, "--platform=linux/amd64,linux/arm64", "--progress=plain")...)
		require.Contains(t, both, "linux/arm64, arm64/Dockerfile.nodejs20.x")
	})
}

func TestInspectSaysWhatIsInsideAndWhichLayerBroughtIt(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	first := packTar(t, append(taskDirs, file("var/task/app", "old"), dirEntry("opt/", 0o755), file("opt/only", "x"))...)
	second := packTar(t, dirEntry("var/", 0o755), dirEntry("var/task/", 0o700).owner(993, 990), file("var/task/app", "newer").mode(0o4755), symlink("var/task/link", "app"),
		dirEntry("etc/", 0o755), file("etc/os-release", "NAME=x\nPRETTY_NAME=\"Amazon Linux 2023.6\"\n"))
	h := serve(t, []sample.Branch{newBranch("nodejs20.x", compress(t, first), compress(t, second))})
	ask := func(args ...string) []string {
		return append(append([]string{"inspect", "nodejs20.x"}, args...), h.flags()...)
	}

	text := c.mustRun(t, ask()...)
	require.Contains(t, text, "runtime   nodejs20.x\ncommit    "+must(h.Commit("nodejs20.x"))+" (")
	require.Contains(t, text, "platform  linux/amd64\nsystem    Amazon Linux 2023.6\n")
	require.Regexp(t, `(?m)^2 +\S+B +\S+B +3 +\S+\.tar\.xz$`, text)

	text = c.mustRun(t, ask("/var/task/")...)
	require.Regexp(t, `(?m)^drwx------ +993:990 +0B +/var/task +layer 2, and 1$`, text)
	require.Regexp(t, `(?m)^urwxr-xr-x +0:0 +5B +/var/task/app +layer 2, in place of 1$`, text)
	require.Regexp(t, `(?m)^Lrwxrwxrwx +0:0 +\S+ +/var/task/link -> app +layer 2$`, text)
	require.Regexp(t, `(?m)^drwxr-xr-x +0:0 +0B +/opt +layer 1$`, c.mustRun(t, ask("/")...))
	require.Equal(t, 1, strings.Count(c.mustRun(t, ask("opt/only")...), "\n/opt")+1)
	require.Contains(t, c.mustFail(t, 1, ask("/var/nothing")...), "lambdabase: nodejs20.x has no /var/nothing\n")

	type entry struct {
		Path, Mode string
		UID, GID   int
		Size       int64
		Target     string
		Layers     []int
	}
	var image struct {
		Layers  []any
		Entries []entry
	}
	require.NoError(t, json.Unmarshal([]byte(c.mustRun(t, ask("/var/task/app", "--json")...)), &image))
	require.Equal(t, []entry{{Path: "/var/task/app", Mode: "urwxr-xr-x", Size: 5, Layers: []int{1, 2}}}, image.Entries)
	require.Len(t, image.Layers, 2)
	require.Contains(t, c.mustFail(t, 1, ask("--platform=linux/arm64")...), "has no platform linux/arm64")
	require.Contains(t, c.mustFail(t, 1, ask("--platform=linux/arm64,linux/amd64")...), "one platform")
}

func TestInspectTakesLayersFromTheCache(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	c.mustRun(t, buildArgs(h, "nodejs20.x")...)
	h.Reset()
	c.mustRun(t, append([]string{"inspect", "nodejs20.x"}, h.flags()...)...)
	require.Zero(t, h.Total(githost.Object)+h.Total(githost.Batch))
}

func TestTheCacheIsShownAndPruned(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	args := append(buildArgs(h, "nodejs20.x"), "--objects=lfs", "-o", "image.tar")
	c.mustRun(t, args...)
	text := c.mustRun(t, "du")
	require.Len(t, regexp.MustCompile(`(?m)^[\d.]+k?B +\S.* ago +unpack `).FindAllString(text, -1), strings.Count(text, " unpack "), text)
	require.Regexp(t, `(?m)^SIZE +LAST USED +WHAT$`, text)
	require.Regexp(t, `(?m)^0B +LFS objects$`, text, "BuildKit has what it has read")
	require.Regexp(t, `(?m)^\S+B +total$`, text)
	h.Reset()
	c.mustRun(t, args...)
	require.Zero(t, h.Total(githost.Object)+h.Total(githost.Batch), "a second build fetches nothing")

	// A build that fails leaves what it has fetched, for the next one to go on with.
	part := filepath.Join(c.root, "objects", strings.Repeat("a", 64)+".part")
	require.NoError(t, os.WriteFile(part, make([]byte, 5000), 0o600))
	require.Regexp(t, `(?m)^5kB +LFS objects$`, c.mustRun(t, "du"))
	c.mustRun(t, "prune", "--keep-duration=1h") // what was used stays, and BuildKit has a few things that never were
	left := c.mustRun(t, "du")
	require.Equal(t, strings.Count(text, " unpack "), strings.Count(left, " unpack "))
	require.Regexp(t, `(?m)^5kB +LFS objects$`, left)
	require.Regexp(t, `^freed [\d.]+MB\n$`, c.mustRun(t, "prune"))
	require.Regexp(t, `(?m)^0B +LFS objects$`, c.mustRun(t, "du"))

	c.mustRun(t, "prune", "--all")
	require.Equal(t, "SIZE  LAST USED  WHAT\n0B               LFS objects\n0B               total\n", c.mustRun(t, "du"))
	h.Reset()
	c.mustRun(t, args...)
	require.NotZero(t, h.Total(githost.Object))
}

func TestTheSampleIsServed(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	dir := t.TempDir()
	for _, more := range [][]string{{"--dir=" + dir}, {"--dir=" + dir}, nil} {
		cmd := c.command(t, append([]string{"sample", "--addr=127.0.0.1:0", "--runtime=nodejs20.x"}, more...)...)
		tmp := t.TempDir()
		cmd.Env = append(cmd.Env, "TMPDIR="+tmp)
		stdout, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewReader(stdout)
		repository, err := lines.ReadString('\n')
		require.NoError(t, err)
		_, err = lines.ReadString('\n')
		require.NoError(t, err)
		url := regexp.MustCompile(`^repository  (http://\S+)\n$`).FindStringSubmatch(repository)
		require.NotNil(t, url, repository)
		res, err := http.Get(url[1] + "/info/refs?service=git-upload-pack")
		require.NoError(t, err)
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		res.Body.Close()
		require.Contains(t, string(text), "refs/heads/nodejs20.x")
		require.Contains(t, c.mustRun(t, "list", "--repository="+url[1]), "nodejs20.x")

		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, cmd.Wait())
		left, err := os.ReadDir(tmp)
		require.NoError(t, err)
		require.Empty(t, left)
	}
}

func TestTheCommandExplainsItself(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	require.Regexp(t, `^lambdabase  \S+\ncommit      .+\nbuildkit    v0\.33\.\d+\ngo          go1\.\S+ linux/\w+\n$`, c.mustRun(t, "version"))
	for _, command := range []string{"", "build", "list", "plan", "lock", "inspect", "diff", "du", "prune", "sample", "version"} {
		help := c.mustRun(t, append(strings.Fields(command), "--help")...)
		require.Contains(t, help, "\nExamples:\n  lambdabase "+command)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		require.Contains(t, c.mustRun(t, "completion", shell), "lambdabase")
	}
	require.Equal(t, "nodejs20.x\nnodejs22.x\nnodejs24.x\n:4\n", c.mustRun(t, "__complete", "build", "nodejs2"))
	require.Equal(t, "nodejs20.x\nnodejs22.x\n:4\n", c.mustRun(t, "__complete", "build", "nodejs24.x", "nodejs2"))
	require.Equal(t, "nodejs20.x\nnodejs22.x\nnodejs24.x\n:4\n", c.mustRun(t, "__complete", "inspect", "nodejs2"))
	require.Equal(t, ":4\n", c.mustRun(t, "__complete", "plan", "nodejs24.x", "nodejs2"))

	h := serve(t, []sample.Branch{newBranch("nodejs20.x", compress(t, packTar(t, taskDirs...))), newBranch("nodejs2024", compress(t, packTar(t, taskDirs...)))})
	require.Equal(t, "nodejs20.x\nnodejs22.x\nnodejs24.x\n:4\n", c.mustRun(t, "__complete", "build", h.repositoryFlag(), "nodejs2"), "which was never listed")
	c.mustRun(t, "list", h.repositoryFlag())
	h.Reset()
	require.Equal(t, "nodejs20.x\nnodejs2024\n:4\n", c.mustRun(t, "__complete", "build", h.repositoryFlag(), "nodejs2"))
	require.Equal(t, "nodejs2024\n:4\n", c.mustRun(t, "__complete", "build", "nodejs20.x", h.repositoryFlag(), "nodejs2"))
	require.Equal(t, "nodejs20.x\nnodejs2024\n:4\n", c.mustRun(t, "__complete", "plan", h.repositoryFlag(), "nodejs2"))
	require.Equal(t, "nodejs20.x\nnodejs22.x\nnodejs24.x\n:4\n", c.mustRun(t, "__complete", "build", "nodejs2"), "another repository")
	require.Empty(t, h.Requests())
}
