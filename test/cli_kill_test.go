package test

import (
	"math/rand/v2"
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
	require.Eventually(t, func() bool { return h.Total(sample.Object) > 0 }, 10*time.Second, 10*time.Millisecond)
	ended := make(chan said, 1)
	go func() { ended <- finished(t, second) }()
	time.Sleep(300 * time.Millisecond)
	h.Heal()
	require.NoError(t, first.Process.Kill())
	_ = first.Wait()
	s := <-ended
	require.Zero(t, s.code, s.stderr)
	require.Contains(t, s.stderr, "waiting for process ")
	require.FileExists(t, c.file("image.tar"))
}

// The sample is made on the first use; a process that is killed meanwhile leaves none that is half made.
func TestASampleThatIsMadeByHalfIsMadeAnew(t *testing.T) {
	c := newCLI(t)
	for range 2 {
		cmd := c.command(t, "list", "--sample")
		require.NoError(t, cmd.Start())
		time.Sleep(700 * time.Millisecond)
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
	}
	require.Contains(t, c.does(t, "list", "--sample", "--json"), `"provided.al2023"`)
}
