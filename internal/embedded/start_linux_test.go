package embedded

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"lambdabase/internal/isolate/isolatetest"
	"lambdabase/test/sandbox"

	controlapi "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
)

// start runs BuildKit in the test's process.
func start(t testing.TB, o Options) *BuildKit {
	t.Helper()
	isolatetest.NeedRoot(t)
	b, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func connect(t testing.TB, b *BuildKit) *client.Client {
	t.Helper()
	c, err := b.Client(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// BenchmarkReadyProcess has as "ms-to-ready" what BuildKit needs in a process of its own: less than 500.
func BenchmarkReadyProcess(b *testing.B) {
	for name, as := range isolatetest.RootAndUser() {
		b.Run(name, func(b *testing.B) {
			isolatetest.NeedRoot(b)
			j := job{Root: isolatetest.DirFor(b, as), Build: serve(b, archives(b)...)}
			var ready time.Duration
			for b.Loop() {
				said := isolatetest.MustRun(b, j, as).Stdout.String()
				took, err := time.ParseDuration(regexp.MustCompile(`started in (.*)\n`).FindStringSubmatch(said)[1])
				require.NoError(b, err)
				ready += took
			}
			b.ReportMetric(float64(ready.Milliseconds())/float64(b.N), "ms-to-ready")
		})
	}
}

func BenchmarkReady(b *testing.B) {
	isolatetest.NeedRoot(b)
	root := b.TempDir()
	for b.Loop() {
		bk, err := Start(b.Context(), Options{Root: root})
		require.NoError(b, err)
		_, err = workers(b.Context(), bk)
		require.NoError(b, err)
		require.NoError(b, bk.Close())
	}
}

func TestClosedBuildKit(t *testing.T) {
	o := Options{Root: t.TempDir()}
	b := start(t, o)
	build := serve(t, archives(t)...)
	_, err := build.run(t.Context(), b)
	require.NoError(t, err)
	require.NoError(t, b.Close())
	require.NoError(t, b.Close(), "again")
	_, err = workers(t.Context(), b)
	require.Error(t, err)
	_, err = build.run(t.Context(), start(t, o))
	require.NoError(t, err, "in the same process")
}

// What stays are goroutines of BuildKit that sleep for a minute or two before they see that there is nothing to do.
func TestCloseEndsGoroutines(t *testing.T) {
	isolatetest.NeedRoot(t)
	root := t.TempDir()
	before := runtime.NumGoroutine()
	for range 10 {
		require.NoError(t, start(t, Options{Root: root}).Close())
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+20 }, sandbox.WaitTimeout, 10*time.Millisecond, "%s", stacks())
}

func stacks() string {
	all := make([]byte, 1<<20)
	return string(all[:runtime.Stack(all, true)])
}

func TestSignalEndsABuildThatHangs(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		isolatetest.NeedRoot(t)
		asked := make(chan struct{}, 10)
		release := make(chan struct{})
		h := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{}; <-release }))
		defer h.Close()
		defer close(release)
		p := isolatetest.StartJob(t, job{Root: t.TempDir(), Build: &build{Server: h.URL, Layers: []digest.Digest{digest.FromString("")}}}, nil)
		<-asked
		p.Signal(t, sig)
		require.Equal(t, 1, p.ExitCode()) // though the server never answers
		require.Contains(t, p.Stdout.String(), "closed")
		require.Contains(t, p.Stderr.String(), "context canceled")
	}
}

func TestFolderOfAnotherUser(t *testing.T) {
	isolatetest.NeedRoot(t)
	_, err := Start(t.Context(), Options{Root: isolatetest.UserDir(t)})
	require.ErrorContains(t, err, "belongs to another user: LAMBDABASE_ROOT names another folder")
}

func TestUnknownSnapshotter(t *testing.T) {
	isolatetest.NeedRoot(t)
	_, err := Start(t.Context(), Options{Root: t.TempDir(), Snapshotter: "zfs"})
	require.EqualError(t, err, `snapshotter "zfs" is not "overlayfs" or "native"`)
}

func TestSnapshotterOfTheCacheIsKept(t *testing.T) {
	root := t.TempDir()
	for _, step := range []struct{ asked, got, log string }{
		{asked: Native, got: Native},
		{asked: "", got: Native},
		{asked: Overlayfs, got: Overlayfs, log: `thrown away: its layout is \"2 native\" in place of \"2 overlayfs\"`},
		{asked: "", got: Overlayfs},
	} {
		var log isolatetest.Output
		b := start(t, Options{Root: root, Snapshotter: step.asked, Log: &log})
		ws, err := workers(t.Context(), b)
		require.NoError(t, err)
		require.Equal(t, step.got, ws[0].Labels["org.mobyproject.buildkit.worker.snapshotter"])
		require.NoError(t, b.Close())
		require.Contains(t, log.String(), step.log)
		require.Equal(t, step.log != "", strings.Contains(log.String(), "thrown away"), log.String())
	}
}

// Where there is no overlayfs, as on another overlay, layers are copied.
func TestNoOverlay(t *testing.T) {
	isolatetest.NeedRoot(t)
	dir := t.TempDir()
	for _, name := range []string{"lower", "upper", "work", "root"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	root := filepath.Join(dir, "root")
	require.NoError(t, syscall.Mount("overlay", root, "overlay", 0, "lowerdir="+dir+"/lower,upperdir="+dir+"/upper,workdir="+dir+"/work"))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(root, syscall.MNT_DETACH)) })
	_, err := Start(t.Context(), Options{Root: root, Snapshotter: Overlayfs})
	require.ErrorContains(t, err, "no overlayfs in "+root+` (the other snapshotter is "native")`)
	b, err := Start(t.Context(), Options{Root: root})
	require.NoError(t, err)
	require.Equal(t, Native, b.dir.snapshotter)
	require.NoError(t, b.Close())
}

func TestDefaultRoot(t *testing.T) {
	for want, env := range map[string][3]string{
		"/a":                       {"/a", "/b", "/c"},
		"/b/lambdabase":            {"", "/b", "/c"},
		"/c/.cache/lambdabase":     {"", "", "/c"},
		"/d c/.cache/lambdabase":   {"", "relative", "/d c"},
		"folder of the cache (LAM": {"", "", ""},
	} {
		t.Setenv("LAMBDABASE_ROOT", env[0])
		t.Setenv("XDG_CACHE_HOME", env[1])
		t.Setenv("HOME", env[2])
		root, err := DefaultRoot()
		if err != nil {
			root = err.Error()[:24]
		}
		require.Equal(t, want, root)
	}
}

// No record of a build is kept.
func TestNoHistory(t *testing.T) {
	o := Options{Root: t.TempDir()}
	b := start(t, o)
	_, err := serve(t, archives(t)...).run(t.Context(), b)
	require.NoError(t, err)
	records, err := connect(t, b).ControlClient().ListenBuildHistory(t.Context(), &controlapi.BuildHistoryRequest{EarlyExit: true})
	require.NoError(t, err)
	_, err = records.Recv()
	require.ErrorContains(t, err, "EOF")
}

// The log is one: that of the last Start.
func TestLog(t *testing.T) {
	var log bytes.Buffer
	b := start(t, Options{Root: t.TempDir(), Log: &log})
	require.NoError(t, b.Close())
	start(t, Options{Root: t.TempDir()})
	log.Reset()
}

func TestStartWithoutIsolation(t *testing.T) {
	p := isolatetest.StartJob(t, job{Root: t.TempDir(), NotIsolated: true}, nil)
	require.Equal(t, 1, p.ExitCode())
	require.Equal(t, "BuildKit inside a process that is not isolated\n", p.Stderr.String())
}
