package embedded

import (
	"context"
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

	"lambdabase/internal/isolate/isolatetest"
	"lambdabase/test/sandbox"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/leases"
	ctdmetadata "github.com/containerd/containerd/v2/core/metadata"
	ctdnamespaces "github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/leaseutil"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kills of root, and as many of an ordinary user.
const kills = 10

// A build that is killed at any moment leaves a root on which the next one works, and gives the same.
func TestKilledAtAnyMoment(t *testing.T) {
	isolatetest.ForRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		b := serve(t, archives(t)...)
		b.Git = gitRepository(t)
		mounts := mountsOf(t, "self")
		begun := time.Now()
		want := digestOf(t, isolatetest.MustRun(t, job{Root: isolatetest.DirFor(t, as), Build: b}, as))
		whole := time.Since(begun)
		root := isolatetest.DirFor(t, as)
		for i := range kills {
			after := rand.N(whole)
			p := isolatetest.StartJob(t, job{Root: root, Build: b}, as)
			time.Sleep(after)
			if kill(t, p, i%2 == 0) {
				t.Logf("killed after %s of %s", after, whole)
			}
			if i%3 == 2 { // else one more is killed on what the others left
				require.Equal(t, want, digestOf(t, isolatetest.MustRun(t, job{Root: root, Build: b}, as)))
				root = isolatetest.DirFor(t, as)
			}
		}
		require.Equal(t, mounts, mountsOf(t, "self"))
	})
}

// kill ends the parent or the child, and reports whether it was in time.
func kill(t testing.TB, p *isolatetest.Process, parent bool) bool {
	t.Helper()
	if child := p.FindChild(t); child != 0 && !parent {
		_ = syscall.Kill(child, syscall.SIGKILL)
		return p.ExitCode() == 128+9
	}
	_ = p.Cmd.Process.Kill()
	return p.ExitCode() == -1
}

func digestOf(t testing.TB, p *isolatetest.Process) string {
	t.Helper()
	_, digest, found := strings.Cut(p.Stdout.String(), "built ")
	require.True(t, found, &p.Stdout)
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
	isolatetest.NeedRoot(t)
	b, root := serve(t, archives(t)...), t.TempDir()
	for i := range 6 {
		p := isolatetest.StartJob(t, job{Root: root, Build: b}, nil)
		p.WaitOutput(t, "started")
		time.Sleep(time.Duration(i) * 60 * time.Millisecond)
		kill(t, p, true)
	}
	bk := start(t, Options{Root: root})
	c := connect(t, bk)
	require.NoError(t, c.Prune(t.Context(), nil, client.PruneAll))
	usage, err := c.DiskUsage(t.Context())
	require.NoError(t, err)
	require.Empty(t, usage)
	requireNothingLeft(t, root)
}

func requireNothingLeft(t testing.TB, root string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		for _, pattern := range []string{"snapshots/snapshots/*", "content/ingest/*", "content/blobs/*/*"} {
			assert.Empty(c, glob(t, root, "cache/"+pattern))
		}
	}, sandbox.WaitTimeout, 20*time.Millisecond)
}

// requireNothingLeftOf wants nothing left of what a process wrote before it was killed.
func requireNothingLeftOf(t *testing.T, write func(*testing.T, *cacheDir)) {
	t.Helper()
	root := t.TempDir()
	b := start(t, Options{Root: root})
	require.NoError(t, b.Close())
	write(t, b.dir)
	leave(t, root, func(s *cacheState) { s.Open = true })
	start(t, Options{Root: root})
	requireNothingLeft(t, root)
}

// Nor is a blob that it had begun and not named yet.
func TestNothingIsLeftOfANamelessBlob(t *testing.T) {
	isolatetest.NeedRoot(t)
	for name, write := range map[string]func(*testing.T, string){
		"no name": func(*testing.T, string) {},
		"empty name": func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "ref"), nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			requireNothingLeftOf(t, func(t *testing.T, r *cacheDir) {
				dir := r.join("cache/content/ingest/begun")
				require.NoError(t, os.MkdirAll(dir, 0o700))
				write(t, dir)
			})
		})
	}
}

// Nor is what BuildKit had not written down yet, nor what containerd hadn't, or had begun to remove.
func TestNothingIsLeftThatNoDatabaseHas(t *testing.T) {
	isolatetest.NeedRoot(t)
	for name, write := range map[string]func(context.Context, *testing.T, *cacheDir){
		"lease without record": func(ctx context.Context, t *testing.T, r *cacheDir) {
			var c closers
			defer func() { require.NoError(t, c.close()) }()
			s, err := openStore(ctx, r, &c)
			require.NoError(t, err)
			lease, err := ctdmetadata.NewLeaseManager(s.DB).Create(ctx, leases.WithID("begun"))
			require.NoError(t, err)
			ctx = leases.WithLease(ctx, lease.ID)
			_, err = s.Snapshotter(s.snapshotter).Prepare(ctx, "begun", "")
			require.NoError(t, err)
			require.NoError(t, content.WriteBlob(ctx, s.ContentStore(), "begun", strings.NewReader("layer"), ocispecs.Descriptor{}))
		},
		"snapshot without name": func(ctx context.Context, t *testing.T, r *cacheDir) {
			sn, err := newSnapshotter(r.snapshotter, r.join(cacheSubdir, filepath.Dir(snapshotDB)))
			require.NoError(t, err)
			_, err = sn.Prepare(ctx, "begun", "")
			require.NoError(t, err)
			require.NoError(t, sn.Close())
		},
		"blob without name": func(ctx context.Context, t *testing.T, r *cacheDir) {
			blobs, err := local.NewStore(r.join(cacheSubdir, "content"))
			require.NoError(t, err)
			require.NoError(t, content.WriteBlob(ctx, blobs, "begun", strings.NewReader("layer"), ocispecs.Descriptor{}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			requireNothingLeftOf(t, func(t *testing.T, r *cacheDir) {
				write(ctdnamespaces.WithNamespace(t.Context(), namespace), t, r)
				require.NotEmpty(t, append(glob(t, r.path, "cache/snapshots/snapshots/*"), glob(t, r.path, "cache/content/blobs/*/*")...))
			})
		})
	}
}

// Nor is what it was writing of its build's history.
func TestNothingIsLeftOfAKilledHistory(t *testing.T) {
	isolatetest.NeedRoot(t)
	for name, opts := range map[string][]leases.Opt{
		"blob":                 {leases.WithRandomID(), leases.WithExpiration(time.Hour), leaseutil.MakeTemporary},
		"lease without record": {leases.WithID("ref_begun")},
	} {
		t.Run(name, func(t *testing.T) {
			requireNothingLeftOf(t, func(t *testing.T, r *cacheDir) {
				writeHalfHistory(t, r, opts)
				require.Len(t, glob(t, r.path, "cache/content/blobs/*/*"), 1)
				require.Len(t, glob(t, r.path, "cache/content/ingest/*"), 1)
			})
		})
	}
}

// writeHalfHistory writes what BuildKit's queue of history does up to the end of a lease.
func writeHalfHistory(t testing.TB, r *cacheDir, opts []leases.Opt) {
	t.Helper()
	var c closers
	defer func() { require.NoError(t, c.close()) }()
	s, err := openStore(t.Context(), r, &c)
	require.NoError(t, err)
	ctx := ctdnamespaces.WithNamespace(t.Context(), namespace+"_history")
	lease, err := ctdmetadata.NewLeaseManager(s.DB).Create(ctx, opts...)
	require.NoError(t, err)
	ctx = leases.WithLease(ctx, lease.ID)
	w, err := s.ContentStore().Writer(ctx, content.WithRef("half"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, content.WriteBlob(ctx, s.ContentStore(), "whole", strings.NewReader("log"), ocispecs.Descriptor{}))
}

// A program that a step runs ends with the process.
func TestKilledWhileAProgramRuns(t *testing.T) {
	isolatetest.ForRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		isolatetest.NeedRoot(t, "runc")
		root := isolatetest.DirFor(t, as)
		b := serve(t, busybox(t))
		long := strconv.Itoa(1000 + rand.N(1_000_000)) // seconds, by which no other sleep is taken for this one
		b.Run = "/bin/busybox sh -c '/bin/busybox echo running; /bin/busybox sleep " + long + "'"
		p := isolatetest.StartJob(t, job{Root: root, Build: b}, as)
		p.WaitOutput(t, "running")
		require.Eventually(t, func() bool { return len(running("sleep\x00"+long)) > 0 }, sandbox.WaitTimeout, 5*time.Millisecond)
		p.Signal(t, syscall.SIGKILL)
		require.Eventually(t, func() bool { return len(running("sleep\x00"+long)) == 0 }, sandbox.WaitTimeout, 5*time.Millisecond)
		b.Run = "/bin/busybox true"
		isolatetest.MustRun(t, job{Root: root, Build: b}, as)
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
