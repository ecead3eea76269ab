package sandbox

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

func TestDaemonLeavesNothingBehind(t *testing.T) {
	var d *Daemon
	t.Run("daemon", func(t *testing.T) {
		d = Start(t, WithEnv("BUILDKITD_LOG_LEVEL=debug"))
		require.DirExists(t, d.Root)
		require.Contains(t, d.Log(), "running server on")
		require.NoError(t, syscall.Kill(d.Pid, 0))
	})
	if d == nil {
		t.Skip("no daemon")
	}
	require.ErrorIs(t, syscall.Kill(d.Pid, 0), syscall.ESRCH)
	require.NoDirExists(t, filepath.Dir(d.Root))
}

func TestDaemonsAreSeparate(t *testing.T) {
	first, second := Start(t), Start(t)
	require.NotEqual(t, first.Root, second.Root)
	_, err := first.Solve(t.Context(), t, sampleRequest(t))
	require.NoError(t, err)
	usage, err := second.Client(t).DiskUsage(t.Context())
	require.NoError(t, err)
	require.Empty(t, usage)
}

func TestDaemonThatCannotStart(t *testing.T) {
	Require(t, "buildkitd")
	tb := observe(t, func(tb testing.TB) { Start(tb, WithArgs("--no-such-flag")) })
	require.Contains(t, tb.failed, "ended while starting: exit status 1")
	require.Contains(t, tb.logged, "no-such-flag")
}

func TestPathWithoutXz(t *testing.T) {
	d := Start(t, WithPath(PathOf(t, "git")))
	_, err := d.Solve(t.Context(), t, sampleRequest(t))
	require.ErrorContains(t, err, `exec: "xz": executable file not found`)
}

func TestConfigReachesDaemon(t *testing.T) {
	d := Start(t, WithConfig("[worker.oci]\n  [worker.oci.labels]\n    colour = \"green\"\n"), WithSnapshotter("native"))
	workers, err := d.Client(t).ListWorkers(t.Context())
	require.NoError(t, err)
	require.Equal(t, "green", workers[0].Labels["colour"])
	require.Equal(t, "native", workers[0].Labels["org.mobyproject.buildkit.worker.snapshotter"])
}

func TestPruneEmptiesTheCache(t *testing.T) {
	d := Start(t)
	req := sampleRequest(t)
	for range 2 {
		result, err := d.Solve(t.Context(), t, req)
		require.NoError(t, err)
		require.NotContains(t, result.Progress, "CACHED")
		d.Prune(t)
	}
	_, err := d.Solve(t.Context(), t, req)
	require.NoError(t, err)
	result, err := d.Solve(t.Context(), t, req)
	require.NoError(t, err)
	require.Contains(t, result.Progress, "CACHED")
}

func TestBuildctl(t *testing.T) {
	d := Start(t)
	output, err := d.Buildctl(t, "debug", "workers")
	require.NoError(t, err, output)
	require.Contains(t, output, "linux/amd64")
	output, err = d.Buildctl(t, "no-such-command")
	require.Error(t, err)
	require.Contains(t, output, "no-such-command")
}

// A frontend in the test's own process gets the request's options, warns, and gives a result.
func TestFrontendInTheTest(t *testing.T) {
	d := Start(t)
	attrs := map[string]string{"name": "hello"}
	frontend := func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		name := c.BuildOpts().Opts["name"]
		if name == "" {
			return nil, errors.New("name missing")
		}
		def, err := llb.Scratch().File(llb.Mkfile("/"+name, 0o640, []byte("hi")), llb.WithCustomName("make hello")).Marshal(ctx)
		if err != nil {
			return nil, err
		}
		return c.Solve(ctx, gateway.SolveRequest{Definition: def.ToPB()})
	}
	tree, err := d.Tree(t, Request{Func: frontend, Attrs: attrs})
	require.NoError(t, err)
	require.EqualValues(t, 0o640, tree["/hello"].Mode)
	require.Equal(t, map[string]string{"name": "hello"}, attrs, "not written to")

	result, err := d.Solve(t.Context(), t, Request{Func: frontend, Attrs: attrs})
	require.NoError(t, err)
	require.Contains(t, result.Progress, "make hello")
	_, err = d.Solve(t.Context(), t, Request{Func: frontend})
	require.ErrorContains(t, err, "name missing")
}

func TestRegistryTakesImagesAndCaches(t *testing.T) {
	registry := Registry(t)
	req := sampleRequest(t)
	cache := []client.CacheOptionsEntry{{Type: "registry", Attrs: map[string]string{"ref": registry + "/cache", "mode": "max"}}}
	req.CacheExports = cache
	_, err := Start(t).Solve(t.Context(), t, req, client.ExportEntry{
		Type: client.ExporterImage, Attrs: map[string]string{"name": registry + "/image", "push": "true"},
	})
	require.NoError(t, err)

	other := Start(t)
	req.CacheImports, req.CacheExports = cache, nil
	result, err := other.Solve(t.Context(), t, req)
	require.NoError(t, err)
	require.Contains(t, result.Progress, "CACHED")
	tree, err := other.Tree(t, dockerfile(t, map[string]string{"Dockerfile": "FROM " + registry + "/image\n"}))
	require.NoError(t, err)
	require.Contains(t, tree, "/usr/bin/su")
}

func TestFailedBuildIsInTheLog(t *testing.T) {
	d := Start(t)
	tb := observe(t, func(tb testing.TB) {
		result, err := d.Solve(tb.Context(), tb, dockerfile(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY none /\n"}))
		require.ErrorContains(t, err, `"/none": not found`)
		require.Contains(t, result.Progress, "COPY none /")
	})
	require.Contains(t, tb.logged, "COPY none /")
	_, err := d.Solve(t.Context(), t, Request{Frontend: "dockerfile.v0", Dirs: map[string]string{"context": "/no/such/folder"}})
	require.ErrorIs(t, err, os.ErrNotExist)
}
