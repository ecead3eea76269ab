package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lambdabase/internal/document"
	"lambdabase/internal/lfs"
	"lambdabase/internal/mirror"

	testserver "github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// testRegistry is a registry in memory, with a log of what is asked of it.
type testRegistry struct {
	*httptest.Server
	// intercept answers a request in place of the registry, if it returns true. May be nil.
	intercept func(w http.ResponseWriter, r *http.Request) bool
	puts      atomic.Int64 // that the registry has done

	mu  sync.Mutex
	log []string // "PUT /v2/..."
}

func newRegistry(t *testing.T) *testRegistry {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	r := &testRegistry{}
	inner := testserver.New(testserver.Logger(log.New(io.Discard, "", 0)))
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.log = append(r.log, req.Method+" "+req.URL.Path)
		intercept := r.intercept
		r.mu.Unlock()
		if intercept != nil && intercept(w, req) {
			return
		}
		inner.ServeHTTP(w, req)
		if req.Method == http.MethodPut {
			r.puts.Add(1)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *testRegistry) setIntercept(f func(http.ResponseWriter, *http.Request) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.intercept, r.log = f, nil
}

// count returns how many requests begin and end so.
func (r *testRegistry) count(prefix, suffix string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range r.log {
		if strings.HasPrefix(line, prefix) && strings.HasSuffix(line, suffix) {
			n++
		}
	}
	return n
}

// uploads are the blobs, manifests and tags that were written.
func (r *testRegistry) uploads() (blobs, manifests int) {
	return r.count("PUT /v2/", "") - r.countManifests(), r.countManifests()
}

func (r *testRegistry) countManifests() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range r.log {
		if strings.HasPrefix(line, "PUT ") && strings.Contains(line, "/manifests/") {
			n++
		}
	}
	return n
}

func (r *testRegistry) location(name string) mirror.Location {
	return mirror.Location{Repository: strings.TrimPrefix(r.URL, "http://") + "/" + name}
}

// open opens a mirror that retries at once.
func open(t *testing.T, l mirror.Location) *Mirror {
	t.Helper()
	m, err := Open(t.Context(), l, Options{Write: true, RetryDelay: time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { m.Close() })
	return m
}

// memory is a source in memory.
type memory struct {
	mu       sync.Mutex
	objects  map[string]string // by oid
	opened   map[string]int
	released map[string]int
}

func newMemory() *memory {
	return &memory{objects: map[string]string{}, opened: map[string]int{}, released: map[string]int{}}
}

func (m *memory) String() string { return "memory" }

func (m *memory) Open(_ context.Context, o lfs.Object) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.opened[o.OID]++
	text, ok := m.objects[o.OID]
	if !ok {
		return nil, errors.New("nobody has it")
	}
	return io.NopCloser(bytes.NewReader([]byte(text))), nil
}

func (m *memory) Release(o lfs.Object) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.released[o.OID]++
}

// put makes a layer of a content.
func (m *memory) put(path, text string) document.Layer {
	oid := digest.FromString(text).Encoded()
	m.objects[oid] = text
	return document.Layer{Path: path, Pointer: lfs.Pointer{OID: oid, Size: int64(len(text))}}
}

// snapshot makes one with a layer for each content, for amd64, and the first two of them for arm64.
func (m *memory) snapshot(t *testing.T, runtime string, n int, contents ...string) *Snapshot {
	t.Helper()
	s, err := NewSnapshot(m.document(t, runtime, n, contents...))
	require.NoError(t, err)
	return s
}

func (m *memory) document(t *testing.T, runtime string, n int, contents ...string) *document.Snapshot {
	t.Helper()
	d := &document.Snapshot{
		Version: document.Version, Runtime: runtime, Repository: "https://git.example/o/r.git",
		Commit: fmt.Sprintf("%040x", n), Date: time.Date(2024, 1, n, 0, 0, 0, 0, time.UTC),
	}
	for arch, dir := range map[string]string{"amd64": "x86_64", "arm64": "arm64"} {
		recipe, p := "FROM scratch\n", document.Platform{Name: "linux/" + arch}
		for i, text := range contents {
			name := fmt.Sprintf("%d.tar.xz", i)
			recipe += "ADD " + name + " /\n"
			p.Layers = append(p.Layers, m.put(dir+"/"+name, text))
		}
		p.Recipe = document.NewRecipe(dir+"/Dockerfile."+runtime, []byte(recipe))
		d.Platforms = append(d.Platforms, p)
	}
	if d.Platforms[0].Name != "linux/amd64" {
		d.Platforms[0], d.Platforms[1] = d.Platforms[1], d.Platforms[0]
	}
	require.NoError(t, d.Validate())
	return d
}

// recorder keeps what is told of the progress.
type recorder struct {
	mu      sync.Mutex
	missing []lfs.Object
	bytes   int64
	arrived map[string]bool // by oid: it was copied
}

func (r *recorder) Plan(missing []lfs.Object) { r.missing, r.arrived = missing, map[string]bool{} }

func (r *recorder) Bytes(_ lfs.Object, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes += n
}

func (r *recorder) Arrived(o lfs.Object, copied bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.arrived[o.OID] = copied
}

func latest(snapshots ...*Snapshot) (wanted []Wanted) {
	for _, s := range snapshots {
		wanted = append(wanted, Wanted{s, LatestAlways})
	}
	return wanted
}

// mustPush pushes what has to arrive.
func mustPush(t *testing.T, m *Mirror, source Source, wanted ...Wanted) []Result {
	t.Helper()
	results, err := m.Push(t.Context(), source, wanted, &recorder{})
	require.NoError(t, err)
	for _, r := range results {
		require.NoError(t, r.Err)
	}
	require.NoError(t, m.WriteCatalog(t.Context()))
	return results
}

// jsonString is a snapshot's document as a string in JSON.
func jsonString(t *testing.T, s *Snapshot) string {
	t.Helper()
	text, err := s.MarshalCompact()
	require.NoError(t, err)
	quoted, err := json.Marshal(string(text))
	require.NoError(t, err)
	return string(quoted)
}
