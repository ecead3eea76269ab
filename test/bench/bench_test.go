// Package bench measures builds of a base image of real size against docker build of a checkout. Benchmarks are no
// tests: make bench runs them.
package bench

import (
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"lambdabase/frontend"
	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cacheEnv names the folder that keeps the sample between runs: real sizes take a minute to make.
const cacheEnv = "LAMBDABASE_BENCH"

// runtimes are built together; the first is also built alone. They share their OS, emulator and more.
var runtimes = []string{"nodejs20.x", "python3.12", "java21", "provided.al2023"}

func BenchmarkColdBuild(b *testing.B) {
	s := newEnv(b)
	for _, export := range []struct {
		name  string
		attrs map[string]string // nil: no export
	}{
		{"none", nil},
		{"oci-gzip", map[string]string{"compression": "gzip"}},
		{"oci-zstd", map[string]string{"compression": "zstd"}},
	} {
		b.Run("export="+export.name+"/by=docker-build", func(b *testing.B) { s.measure(b, export.attrs, s.oracle(runtimes[0])) })
		b.Run("export="+export.name+"/by=lambdabase", func(b *testing.B) { s.measure(b, export.attrs, s.request(runtimes[0])) })
	}
}

func BenchmarkColdBuildOfFourRuntimes(b *testing.B) {
	s := newEnv(b)
	var oracle, ours []sandbox.Request
	for _, r := range runtimes {
		oracle, ours = append(oracle, s.oracle(r)), append(ours, s.request(r))
	}
	b.Run("by=docker-build", func(b *testing.B) { s.measure(b, nil, oracle...) })
	b.Run("by=lambdabase", func(b *testing.B) { s.measure(b, nil, ours...) })
}

func BenchmarkWarmBuild(b *testing.B) {
	s := newEnv(b)
	solve(b, s.daemon, nil, s.request(runtimes[0]))
	for b.Loop() {
		solve(b, s.daemon, nil, s.request(runtimes[0]))
	}
}

// env is a sample of real size on a server, its checkouts, and a daemon.
type env struct {
	daemon     *sandbox.Daemon
	dir        string
	repository string
	objects    string
}

func newEnv(b *testing.B) *env {
	b.Helper()
	dir := os.Getenv(cacheEnv)
	if dir == "" {
		b.Skipf("no folder in %s: make bench sets it", cacheEnv)
	}
	repository, err := sample.Open(dir)
	if err != nil {
		repository = makeSample(b, dir)
	}
	server := githost.New(repository)
	host := httptest.NewServer(server)
	b.Cleanup(host.Close)
	s := &env{daemon: sandbox.Start(b), dir: dir}
	s.repository, s.objects = server.URLs(host.URL)
	return s
}

func makeSample(b *testing.B, dir string) *sample.Repository {
	b.Helper()
	require.NoError(b, os.RemoveAll(dir)) // what an interrupted run left
	branches, err := sample.Upstream(sample.UpstreamOptions{Scale: 1, Branches: runtimes})
	require.NoError(b, err)
	repository, err := sample.Create(dir, branches)
	require.NoError(b, err)
	for _, r := range runtimes {
		require.NoError(b, repository.Checkout(r, filepath.Join(dir, "checkout", r)))
	}
	return repository
}

func (s *env) oracle(runtime string) sandbox.Request {
	checkout := filepath.Join(s.dir, "checkout", runtime)
	return sandbox.Request{
		Frontend: "dockerfile.v0",
		Attrs:    map[string]string{"filename": "Dockerfile." + runtime, "platform": "linux/amd64"},
		Dirs:     map[string]string{"context": checkout, "dockerfile": checkout},
	}
}

func (s *env) request(runtime string) sandbox.Request {
	return sandbox.Request{Func: frontend.Frontend{}.Build, Attrs: map[string]string{
		"runtime": runtime, "platform": "linux/amd64", "repository": s.repository, "objects": s.objects,
	}}
}

// measure builds requests at once, each time with an empty cache.
func (s *env) measure(b *testing.B, export map[string]string, requests ...sandbox.Request) {
	for b.Loop() {
		b.StopTimer()
		s.daemon.Prune(b)
		b.StartTimer()
		solve(b, s.daemon, export, requests...)
	}
}

func solve(b *testing.B, d *sandbox.Daemon, export map[string]string, requests ...sandbox.Request) {
	var exports []client.ExportEntry
	if export != nil {
		exports = append(exports, client.ExportEntry{
			Type: client.ExporterOCI, Attrs: export,
			Output: func(map[string]string) (io.WriteCloser, error) { return discard{io.Discard}, nil },
		})
	}
	var wg sync.WaitGroup
	for _, req := range requests {
		wg.Go(func() {
			_, err := d.Solve(b.Context(), b, req, exports...)
			assert.NoError(b, err)
		})
	}
	wg.Wait()
}

type discard struct{ io.Writer }

func (discard) Close() error { return nil }
