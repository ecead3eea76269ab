package test

import (
	"bufio"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"lambdabase/internal/sample"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// kills of a build, each at another moment of it.
const kills = 20

func TestABuildThatIsKilledAtAnyMomentHarmsNothing(t *testing.T) {
	d := sandbox.Start(t)
	h := upstream(t, "nodejs20.x")
	want := oneImage(t, d, h.request("nodejs20.x"))
	moments := rand.New(rand.NewPCG(1, 2))
	for _, more := range [][]string{nil, {"--objects=lfs"}} {
		args := append(append(build(h, "nodejs20.x"), "-o", "image.tar", "--progress=quiet"), more...)
		c := newCLI(t)
		c.does(t, "version") // by a program that is there
		begun := time.Now()
		c.does(t, args...)
		whole := time.Since(begun)
		var inTime int
		for i := range kills / 2 {
			again := args
			if i%3 == 0 {
				c = newCLI(t) // a cache that is made is as delicate as one that is used
			} else {
				again = append(args, "--no-cache")
			}
			after := time.Duration(float64(whole) * (float64(i) + moments.Float64()) / (kills / 2))
			cmd := c.command(t, again...)
			require.NoError(t, cmd.Start())
			time.Sleep(after)
			require.NoError(t, cmd.Process.Kill())
			if cmd.Wait(); cmd.ProcessState.ExitCode() == -1 {
				inTime++
			} else {
				whole = after // it was faster: the machine is less busy now
			}
			// With objects that may be there by half, at once, while what was killed may still be ending.
			c.does(t, args...)
			requireDigest(t, c.file("image.tar"), want)
		}
		t.Logf("%s: %d of %d were killed in time, a build takes %s", more, inTime, kills/2, whole)
		require.Greater(t, inTime, kills/8)
		h.Reset()
		c.does(t, args...)
		require.Zero(t, h.Total(sample.Object)+h.Total(sample.Batch))
	}
}

// A command that waits for its turn goes on when the one that it waits for is killed.
func TestWhoWaitsForABuildThatIsKilledGoesOn(t *testing.T) {
	c := newCLI(t)
	h := upstream(t, "nodejs20.x")
	h.Inject(sample.Target{Kind: sample.Object}, sample.Fault{Stall: -1})
	args := append(build(h, "nodejs20.x"), "-o", "image.tar")
	first, second := c.command(t, args...), c.command(t, args...)
	require.NoError(t, first.Start())
	sandbox.Wait(t, func() bool { return h.Total(sample.Object) > 0 }, "request for an object")
	stderr, err := second.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, second.Start())
	lines := bufio.NewReader(stderr)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "waiting for process ")
	h.Heal()
	require.NoError(t, first.Process.Kill())
	_ = first.Wait()
	said, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.NoError(t, second.Wait(), string(said))
	require.FileExists(t, c.file("image.tar"))
}

// The sample is made on the first use; a process that is killed meanwhile leaves none that is half made.
func TestASampleThatIsMadeByHalfIsMadeAnew(t *testing.T) {
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
	require.Contains(t, c.does(t, "list", "--sample", "--json"), `"provided.al2023"`)
}
