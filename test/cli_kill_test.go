package test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// kills is how many builds are killed, and slowKills how many if there is time.
const kills, slowKills = 12, 200

// A build may be killed at any moment, in git or elsewhere, and so may git alone: the next commit is built as ever, on what
// all of them have left, and what is built once is not fetched again.
func TestABuildThatIsKilledAtAnyMomentHarmsNothing(t *testing.T) {
	t.Parallel()
	branches, err := sample.Upstream(sample.UpstreamOptions{Scale: 0.001, Branches: []string{"nodejs20.x"}})
	require.NoError(t, err)
	k := &killTest{host: serve(t, branches), branch: branches[0], rng: rand.New(rand.NewPCG(1, 2))}
	k.newCache(t)
	k.cli.mustRun(t, "version") // by a program that is there
	begun := time.Now()
	want := k.build(t, "--objects=lfs")
	k.cold = time.Since(begun)
	k.pushCommit(t)
	require.NoError(t, os.WriteFile(k.gitLog, nil, 0o600))
	begun = time.Now()
	k.build(t)
	k.warm = time.Since(begun)
	info, err := os.Stat(k.gitLog)
	require.NoError(t, err)
	k.gitRuns = info.Size()
	n := kills
	if os.Getenv(slowEnv) != "" {
		n = slowKills
	}
	inTime := map[string]int{}
	for i := range n {
		if i == n/2 && n == slowKills {
			keepBusy(t)
		}
		k.pushCommit(t)
		way, objects := killWays[i%len(killWays)], []string{"--objects=auto", "--objects=lfs"}[i/len(killWays)%2]
		if k.kill(t, way.begin, way.end, objects) {
			inTime[way.name]++
		}
		// With objects that may be there by half, at once, while what was killed may still be ending.
		require.Equal(t, want, k.build(t, objects), "%d, %s", i, way.name)
		if i%5 == 4 {
			k.newCache(t) // which is as delicate while it is made
		}
	}
	t.Logf("in time, of %d: %v; a build takes %s, on a new cache %s", n, inTime, k.warm, k.cold)
	require.NotEmpty(t, inTime)
	k.build(t)
	k.host.Reset()
	require.Equal(t, want, k.build(t))
	require.Zero(t, k.host.Total(githost.Object)+k.host.Total(githost.Batch))
}

// killTest is a repository that goes on, and a cache on which builds are killed.
type killTest struct {
	host   *repoServer
	branch sample.Branch
	rng    *rand.Rand
	cli    *cli
	fresh  bool // nothing was built yet
	// A build that is not killed takes so long on a fresh cache, and on one with all objects, and runs git so often.
	cold, warm time.Duration
	gitRuns    int64
	gitLog     string // a file with a line for each git that was started
}

// killWays are when a build is killed, and what is.
var killWays = []struct {
	name  string
	begin func(*testing.T, *killTest, *exec.Cmd)
	end   func(*testing.T, *killTest, *exec.Cmd)
}{
	{"the build, at any time", atAnyTime, killBuild},
	{"the build, in git", inGit, killBuild},
	{"git", inGit, killGit},
}

func (k *killTest) newCache(t *testing.T) {
	t.Helper()
	k.cli, k.fresh = newCLI(t), true
	k.gitLog = filepath.Join(t.TempDir(), "gits")
	git, err := exec.LookPath("git")
	require.NoError(t, err)
	bin := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\necho >> %s\nexec %s \"$@\"\n", k.gitLog, git)
	require.NoError(t, os.WriteFile(filepath.Join(bin, "git"), []byte(script), 0o755))
	k.cli.path = bin + ":" + k.cli.path
}

// pushCommit makes another commit.
func (k *killTest) pushCommit(t *testing.T) {
	t.Helper()
	k.branch.Date = k.branch.Date.Add(time.Minute)
	_, err := k.host.Push(k.branch)
	require.NoError(t, err)
}

func (k *killTest) args(more ...string) []string {
	return append(append(buildArgs(k.host, "nodejs20.x"), "-o", "image.tar", "--progress=quiet"), more...)
}

// build gives the layers, which are the same for all commits.
func (k *killTest) build(t *testing.T, more ...string) (layers []string) {
	t.Helper()
	k.cli.mustRun(t, k.args(more...)...)
	k.fresh = false
	images, err := sandbox.ReadOCI(k.cli.file("image.tar"))
	require.NoError(t, err)
	require.Len(t, images, 1)
	for _, l := range images[0].Layers {
		layers = append(layers, l.Descriptor.Digest.String())
	}
	return layers
}

// kill tells whether it was in time.
func (k *killTest) kill(t *testing.T, begin, end func(*testing.T, *killTest, *exec.Cmd), more ...string) bool {
	t.Helper()
	require.NoError(t, os.WriteFile(k.gitLog, nil, 0o600))
	cmd := k.cli.command(t, k.args(more...)...)
	require.NoError(t, cmd.Start())
	begin(t, k, cmd)
	end(t, k, cmd)
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode() != 0
}

// buildTime is how long the next build would take.
func (k *killTest) buildTime() time.Duration {
	if k.fresh {
		return k.cold
	}
	return k.warm
}

func atAnyTime(_ *testing.T, k *killTest, _ *exec.Cmd) {
	time.Sleep(time.Duration(k.rng.Int64N(int64(k.buildTime()))))
}

// inGit is a while after some git of the build has started.
func inGit(t *testing.T, k *killTest, _ *exec.Cmd) {
	which := 1 + k.rng.Int64N(k.gitRuns)
	for end := time.Now().Add(2 * k.buildTime()); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if info, err := os.Stat(k.gitLog); err == nil && info.Size() >= which {
			break
		}
	}
	time.Sleep(time.Duration(k.rng.Int64N(int64(15 * time.Millisecond))))
}

func killBuild(_ *testing.T, _ *killTest, cmd *exec.Cmd) { _ = cmd.Process.Kill() }

// killGit kills all that work on a repository of the cache.
func killGit(t *testing.T, k *killTest, _ *exec.Cmd) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(line), "\x00--git-dir\x00"+k.cli.root) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// keepBusy is as much other work as the machine can do at once.
func keepBusy(t *testing.T) {
	t.Helper()
	for range runtime.NumCPU() {
		cmd := exec.Command("sh", "-c", "while :; do :; done")
		require.NoError(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	}
}

// A command that waits for its turn goes on when the one that it waits for is killed.
func TestWhoWaitsForABuildThatIsKilledGoesOn(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	h.Inject(faults.Target{Kind: githost.Object}, faults.Fault{Stall: -1})
	args := append(buildArgs(h, "nodejs20.x"), "-o", "image.tar")
	first, second := c.command(t, args...), c.command(t, args...)
	require.NoError(t, first.Start())
	sandbox.Wait(t, func() bool { return h.Total(githost.Object) > 0 }, "request for an object")
	lines, line := firstLine(t, second)
	require.Contains(t, line, "waiting for process ")
	h.ClearFaults()
	require.NoError(t, first.Process.Kill())
	_ = first.Wait()
	output, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.NoError(t, second.Wait(), string(output))
	require.FileExists(t, c.file("image.tar"))
}

// The sample is made on the first use; a process that is killed meanwhile leaves none that is half made.
func TestASampleThatIsMadeByHalfIsMadeAnew(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	for i := range 2 {
		cmd := c.command(t, "list", "--sample")
		require.NoError(t, cmd.Start())
		sandbox.Wait(t, func() bool {
			halfMade, err := filepath.Glob(filepath.Join(c.root, ".sample*"))
			require.NoError(t, err)
			return len(halfMade) > i
		}, "beginning of a sample")
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
		require.Equal(t, -1, cmd.ProcessState.ExitCode(), "killed in time")
	}
	require.Contains(t, c.mustRun(t, "list", "--sample", "--json"), `"provided.al2023"`)
}
