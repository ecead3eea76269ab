package test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/pkg/errors"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// maxBinarySize is the most that the command may have, in bytes: it is downloaded by everybody who uses it.
const maxBinarySize = 45e6

// commandTimeout ends a command that hangs, and no slow one.
const commandTimeout = 10 * time.Minute

// cliBinaryDir is where the command is, if a test has built it. TestMain removes it.
var cliBinaryDir string

// cliBinary is the command as users get it, built once for all tests.
var cliBinary = sync.OnceValues(func() (string, error) {
	var err error
	if cliBinaryDir, err = os.MkdirTemp("", "lambdabase-program"); err != nil {
		return "", err
	}
	if err := os.Chmod(cliBinaryDir, 0o755); err != nil { // other users run it too
		return "", err
	}
	file := filepath.Join(cliBinaryDir, "lambdabase")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, "lambdabase/cmd/lambdabase")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	return file, errors.Wrap(err, string(out))
})

// diskDir is for what a tmpfs isn't good for: the cache of an ordinary user, whose overlayfs needs user.* attributes.
var diskDir = os.TempDir()

func TestMain(m *testing.M) {
	// What servers and BuildKit's client complain of is nothing to see in a run that is green.
	log.SetOutput(io.Discard)
	logrus.SetOutput(io.Discard)
	memory := sandbox.UseMemory()
	code := m.Run()
	for _, dir := range []string{cliBinaryDir, frontendDir, memory} {
		if dir != "" {
			os.RemoveAll(dir)
		}
	}
	os.Exit(code)
}

// cli is the command with a cache, a home and nothing else of the machine's user.
type cli struct {
	root, home string
	path       string // PATH
	dir        string // to work in
	env        []string
	setUser    func(*exec.Cmd) // another user; nil: root
}

// newCLI is one with an empty cache. What it leaves running or mounted fails the test.
func newCLI(t testing.TB) *cli {
	t.Helper()
	sandbox.Require(t)
	c := &cli{root: filepath.Join(t.TempDir(), "cache"), home: t.TempDir(), path: os.Getenv("PATH"), dir: t.TempDir()}
	c.checkAfter(t)
	return c
}

func (c *cli) checkAfter(t testing.TB) {
	t.Cleanup(func() {
		sandbox.Wait(t, func() bool { return len(processesWithHome(c.home)) == 0 }, "end of all processes")
		mounts, err := os.ReadFile("/proc/self/mountinfo")
		require.NoError(t, err)
		require.NotContains(t, string(mounts), c.root)
	})
}

// processesWithHome are the processes with this home.
func processesWithHome(home string) (found []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		env, err := os.ReadFile(file) // that of a process that has ended since, or of a zombie, is empty
		if err == nil && strings.Contains("\x00"+string(env), "\x00HOME="+home+"\x00") {
			found = append(found, filepath.Base(filepath.Dir(file)))
		}
	}
	return found
}

// command is the command with arguments, and an environment of its own.
func (c *cli) command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	file, err := cliBinary()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, file, args...)
	cmd.Dir = c.dir
	cmd.Env = append([]string{
		"PATH=" + c.path, "HOME=" + c.home, "LAMBDABASE_ROOT=" + c.root, "DOCKER_CONFIG=" + filepath.Join(c.home, ".docker"),
		"NO_PROXY=127.0.0.1,localhost",
	}, c.env...)
	if c.setUser != nil {
		c.setUser(cmd)
	}
	return cmd
}

// cmdResult is how the command ended, and what it wrote.
type cmdResult struct {
	code           int
	stdout, stderr string
}

// run runs the command to its end.
func (c *cli) run(t testing.TB, args ...string) cmdResult {
	t.Helper()
	return runToEnd(t, c.command(t, args...))
}

func runToEnd(t testing.TB, cmd *exec.Cmd) cmdResult {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		assert.NoError(t, err) // and no require, which only the test's own goroutine may call
		return cmdResult{code: -1}
	}
	return cmdResult{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// firstLine starts the command, and waits for the first line of its standard error; what follows it can be read then.
func firstLine(t testing.TB, cmd *exec.Cmd) (rest *bufio.Reader, line string) {
	t.Helper()
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	rest = bufio.NewReader(stderr)
	line, err = rest.ReadString('\n')
	require.NoError(t, err)
	return rest, line
}

// mustRun runs the command, which has to succeed, and gives what it wrote to its standard output.
func (c *cli) mustRun(t testing.TB, args ...string) string {
	t.Helper()
	s := c.run(t, args...)
	require.Zero(t, s.code, s.stderr)
	return s.stdout
}

// mustFail runs the command, which has to fail in a way, and gives the error.
func (c *cli) mustFail(t testing.TB, code int, args ...string) string {
	t.Helper()
	s := c.run(t, args...)
	require.Equal(t, code, s.code, s.stderr)
	return s.stderr
}

// file is the path of a file in the folder that the command works in.
func (c *cli) file(name string) string { return filepath.Join(c.dir, name) }

// flags name the host's repository and objects. Further pairs of name and value are options.
func (h *repoServer) flags(more ...string) []string {
	return flags(h.options("", more...), "--", plainName)
}

// repositoryFlag is the flag that names the host's.
func (h *repoServer) repositoryFlag() string {
	url, _ := h.URLs(h.URL)
	return "--repository=" + url
}

// buildArgs is the command line that builds runtimes of a host.
func buildArgs(h *repoServer, runtimes ...string) []string {
	return append(append([]string{"build"}, runtimes...), h.flags()...)
}

func TestTheCommandBuildsWhatADaemonBuilds(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x", "python3.12")
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		want := oneImage(t, d, h.request("nodejs20.x", "platform", platform))
		h.Reset()
		args := append(buildArgs(h, "nodejs20.x"), "--platform="+platform, "-o", "image.tar")
		s := c.run(t, args...)
		require.Zero(t, s.code, s.stderr)
		requireDigest(t, c.file("image.tar"), want)
		require.Contains(t, s.stderr, "nodejs20.x "+want.Digest.String()+"\n")
		require.Empty(t, s.stdout)
		require.NotZero(t, h.Total(githost.Object))

		h.Reset()
		c.mustRun(t, args...)
		requireDigest(t, c.file("image.tar"), want)
		require.Zero(t, h.Total(githost.Object)+h.Total(githost.Batch), "a second build fetches nothing")
	}
	names, err := filepath.Glob(c.file(".*"))
	require.NoError(t, err)
	require.Empty(t, names, "nothing is left beside the file")

	c.mustRun(t, append(buildArgs(h, "nodejs20.x"), "--no-cache", "--progress=quiet")...)
	require.NotZero(t, h.Total(githost.Object))
}

func TestGitAndXZAreAllThatIsNeeded(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	want := oneImage(t, sandbox.Start(t), h.request("nodejs20.x"))
	args := append(buildArgs(h, "nodejs20.x"), "-o", "image.tar")
	c.path = sandbox.PathOf(t, "git", "xz")
	c.mustRun(t, args...)
	requireDigest(t, c.file("image.tar"), want)

	c.path = sandbox.PathOf(t, "git")
	require.Contains(t, c.mustFail(t, 1, args...), "xz is missing, without which nothing can be built here: install package xz-utils")
	c.path = sandbox.PathOf(t, "xz")
	require.Contains(t, c.mustFail(t, 1, args...), "git is missing, without which nothing can be built here: install package git")
	require.Contains(t, c.mustRun(t, "list", h.repositoryFlag()), "nodejs20.x", "which needs neither")
}

// What users set for their own use of xz, tar and git is not for those that BuildKit runs.
func TestProgramsRunInAnEnvironmentOfTheirOwn(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveRunnable(t)
	want := oneImage(t, sandbox.Start(t), h.request("nodejs20.x"))
	c.env = []string{
		"XZ_DEFAULTS=--memlimit=1MiB", "XZ_OPT=--no-such", "PIGZ=--no-such", "GZIP=--no-such", "TAR_OPTIONS=--no-such", "LC_ALL=nowhere", "LANGUAGE=de",
		"GIT_DIR=/nowhere", "GIT_SSH_COMMAND=false", "GIT_INDEX_FILE=/nowhere", "GIT_OBJECT_DIRECTORY=/nowhere", "GIT_ALTERNATE_OBJECT_DIRECTORIES=/nowhere",
		"GIT_WORK_TREE=/nowhere", "GIT_NAMESPACE=x", "GIT_EXEC_PATH=/nowhere", "GIT_PROXY_COMMAND=false",
		"LISTEN_FDS=3", "LISTEN_PID=1", "NOTIFY_SOCKET=/nowhere", "XDG_RUNTIME_DIR=/nowhere", "BASH_ENV=/nowhere", "ENV=/nowhere",
	}
	c.mustRun(t, append(buildArgs(h, "nodejs20.x"), "-o", "image.tar")...)
	requireDigest(t, c.file("image.tar"), want)
	c.writeFiles(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nRUN env > /env\n"})
	c.mustRun(t, append([]string{"build", "-f", "Dockerfile", "-o", "type=local,dest=root"}, h.flags()...)...)
	text, err := os.ReadFile(c.file("root/env"))
	require.NoError(t, err)
	for _, name := range []string{"XZ_", "GIT_", "LISTEN_", "NOTIFY_", "XDG_", "LC_", "LANGUAGE="} {
		require.NotContains(t, "\n"+string(text), "\n"+name)
	}
}

func TestTheCommandBuildsBothPlatforms(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	c.mustRun(t, append(buildArgs(h, "nodejs20.x"), "--platform=linux/amd64,linux/arm64", "-o", "image.tar")...)
	images, err := sandbox.ReadOCI(c.file("image.tar"))
	require.NoError(t, err)
	require.Len(t, images, 2)
	for oid, n := range h.Counts() {
		require.Equal(t, 1, n, oid)
	}
}

func TestSeveralRuntimesAtOnceShareEverything(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x", "python3.12")
	runtimes := []string{"nodejs20.x", "python3.12"}
	for _, more := range [][]string{nil, {"--objects=lfs"}} {
		h.Reset()
		s := c.run(t, append(append(buildArgs(h, runtimes...), "-o", "{runtime}.tar", "--progress=plain", "--no-cache"), more...)...)
		require.Zero(t, s.code, s.stderr)
		for _, runtime := range runtimes {
			want := oneImage(t, d, h.request(runtime))
			requireDigest(t, c.file(runtime+".tar"), want)
			require.Contains(t, s.stderr, runtime+" "+want.Digest.String()+"\n")
			require.Contains(t, s.stderr, "["+runtime+"] ")
		}
	}
	h.Reset()
	c = newCLI(t)
	c.mustRun(t, append(buildArgs(h, runtimes...), "-o", "{runtime}.tar", "--objects=lfs")...)
	require.Len(t, h.Counts(), len(distinctObjects(t, "linux/amd64", runtimes...)))
	for oid, n := range h.Counts() {
		require.Equal(t, 1, n, oid)
	}
}

func TestTheSampleIsBuiltWithoutANetwork(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	c.mustRun(t, "build", "nodejs20.x", "--sample", "-o", "first.tar")
	c.mustRun(t, "build", "nodejs20.x", "--sample", "-o", "second.tar")
	first, err := sandbox.ReadOCI(c.file("first.tar"))
	require.NoError(t, err)
	requireDigest(t, c.file("second.tar"), first[0])
	require.Contains(t, c.mustRun(t, "list", "--sample"), "nodejs20.x ")

	// Two at once: one of them makes it, and one uses the cache at a time. Whether the other one has to wait is up to the
	// machine; TestWhoWaitsForTheCacheCanBeInterrupted sees to that it is told for whom.
	c = newCLI(t)
	var wg sync.WaitGroup
	results := make([]cmdResult, 2)
	for i := range results {
		cmd := c.command(t, "build", "nodejs20.x", "--sample", "-o", strings.Repeat("x", i+1)+".tar")
		wg.Go(func() { results[i] = runToEnd(t, cmd) })
	}
	wg.Wait()
	for i, s := range results {
		require.Zero(t, s.code, s.stderr)
		requireDigest(t, c.file(strings.Repeat("x", i+1)+".tar"), first[0])
	}
}

func TestTheProgramIsSmall(t *testing.T) {
	t.Parallel()
	file, err := cliBinary()
	require.NoError(t, err)
	info, err := os.Stat(file)
	require.NoError(t, err)
	t.Logf("%d bytes", info.Size())
	require.Less(t, info.Size(), int64(maxBinarySize))
}

// It starts at once: in less than 100 ms.
func BenchmarkTheProgramStarts(b *testing.B) {
	c := newCLI(b)
	c.mustRun(b, "list", "--help") // which is built by now, and read from the disk
	for b.Loop() {
		c.mustRun(b, "list", "--help")
	}
}
