package embedded

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"
)

// kills of root, and as many of an ordinary user.
const kills = 10

// A build that is killed at any moment leaves a root on which the next one works, and gives the same.
func TestKilledAtAnyMoment(t *testing.T) {
	forEverybody(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		b := serve(t, archives(t)...)
		b.Git = gitRepository(t)
		mounts := mountsOf(t, "self")
		folder := func() string {
			if as == nil {
				return t.TempDir()
			}
			return userDir(t)
		}
		begun := time.Now()
		want := digestOf(t, did(t, job{Root: folder(), Build: b}, as))
		whole := time.Since(begun)
		root := folder()
		for i := range kills {
			after := rand.N(whole)
			p := begin(t, job{Root: root, Build: b}, as)
			time.Sleep(after)
			if p.kill(t, i%2 == 0) {
				t.Logf("killed after %s of %s", after, whole)
			}
			if i%3 == 2 { // else one more is killed on what the others left
				require.Equal(t, want, digestOf(t, did(t, job{Root: root, Build: b}, as)))
				root = folder()
			}
		}
		require.Equal(t, mounts, mountsOf(t, "self"))
	})
}

// kill ends the outer or the inner process, and tells whether it was in time.
func (p *process) kill(t testing.TB, outer bool) bool {
	t.Helper()
	if inner := p.child(t); inner != 0 && !outer {
		_ = syscall.Kill(inner, syscall.SIGKILL)
		return p.exit() == 128+9
	}
	_ = p.cmd.Process.Kill()
	return p.exit() == -1
}

func digestOf(t testing.TB, p *process) string {
	t.Helper()
	_, digest, found := strings.Cut(p.out.String(), "built ")
	require.True(t, found, &p.out)
	return strings.Fields(digest)[0]
}

func mountsOf(t testing.TB, process string) []string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%s/mountinfo", process))
	require.NoError(t, err)
	return strings.Split(string(text), "\n")
}

// What a killed process has made by half is not kept for ever.
func TestNothingIsLeftOfAKilledProcess(t *testing.T) {
	needRoot(t)
	b, root := serve(t, archives(t)...), t.TempDir()
	for i := range 6 {
		p := begin(t, job{Root: root, Build: b}, nil)
		p.says(t, "started")
		time.Sleep(time.Duration(i) * 60 * time.Millisecond)
		p.kill(t, true)
	}
	bk := start(t, Options{Root: root})
	c := connect(t, bk)
	require.NoError(t, c.Prune(t.Context(), nil, client.PruneAll))
	usage, err := c.DiskUsage(t.Context())
	require.NoError(t, err)
	require.Empty(t, usage)
	require.Eventually(t, func() bool {
		return len(glob(t, root, "cache/snapshots/snapshots/*")) == 0 &&
			len(glob(t, root, "cache/content/ingest/*")) == 0 &&
			len(glob(t, root, "cache/content/blobs/*/*")) == 0
	}, waitTimeout, 20*time.Millisecond)
}

// A program that a step runs ends with the process.
func TestKilledWhileAProgramRuns(t *testing.T) {
	forEverybody(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		needRoot(t, "runc")
		root := userDir(t)
		if as == nil {
			root = t.TempDir()
		}
		b := serve(t, busybox(t))
		long := strconv.Itoa(1000 + rand.N(1_000_000)) // seconds, by which no other sleep is taken for this one
		b.Run = "/bin/busybox sh -c '/bin/busybox echo running; /bin/busybox sleep " + long + "'"
		p := begin(t, job{Root: root, Build: b}, as)
		p.says(t, "running")
		require.Eventually(t, func() bool { return len(running("sleep\x00"+long)) > 0 }, waitTimeout, 5*time.Millisecond)
		p.signal(t, syscall.SIGKILL)
		require.Eventually(t, func() bool { return len(running("sleep\x00"+long)) == 0 }, waitTimeout, 5*time.Millisecond)
		b.Run = "/bin/busybox true"
		did(t, job{Root: root, Build: b}, as)
	})
}

// running are the processes with this in their command line.
func running(words string) []string {
	var found []string
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		if line, err := os.ReadFile(file); err == nil && strings.Contains(string(line), words) {
			found = append(found, file)
		}
	}
	return found
}
