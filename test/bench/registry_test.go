package bench

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"

	"lambdabase/test/sandbox"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// countingRegistry is a registry that knows which blobs are layers, and counts how many of them were asked for. Those of the
// frontend's own image don't count.
type countingRegistry struct {
	host    string
	content http.Handler

	mu     sync.Mutex
	layers map[string]bool // digests
	gets   int
	bytes  int64
}

const frontendName = "lambda-frontend"

func serveRegistry(t *testing.T) *countingRegistry {
	t.Helper()
	r := &countingRegistry{content: sandbox.NewRegistry(), layers: map[string]bool{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.host = strings.TrimPrefix(server.URL, "http://")
	return r
}

func (r *countingRegistry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	switch {
	case req.Method == http.MethodPut && strings.Contains(req.URL.Path, "/manifests/"):
		body, _ := io.ReadAll(req.Body)
		req.Body = io.NopCloser(bytes.NewReader(body))
		r.note(body)
	case req.Method == http.MethodGet && r.isLayer(req.URL.Path):
		w = &countingWriter{w, r}
		r.count(1, 0)
	}
	r.content.ServeHTTP(w, req)
}

// note reads which blobs a manifest, or an exported cache, which may be an index, has as layers.
func (r *countingRegistry) note(body []byte) {
	var manifest struct{ Layers, Manifests []ocispecs.Descriptor }
	_ = json.Unmarshal(body, &manifest)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range append(manifest.Layers, manifest.Manifests...) {
		if strings.Contains(d.MediaType, ".layer.") {
			r.layers[d.Digest.String()] = true
		}
	}
}

func (r *countingRegistry) isLayer(url string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Contains(url, "/blobs/") && !strings.Contains(url, "/"+frontendName+"/") && r.layers[path.Base(url)]
}

func (r *countingRegistry) count(gets int, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gets += gets
	r.bytes += bytes
}

func (r *countingRegistry) pulled() (layers int, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gets, r.bytes
}

func (r *countingRegistry) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gets, r.bytes = 0, 0
}

type countingWriter struct {
	http.ResponseWriter
	registry *countingRegistry
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.registry.count(0, int64(len(p)))
	return w.ResponseWriter.Write(p)
}
