package sandbox

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
)

// Registry is an empty registry in memory, for the time of a test: "127.0.0.1:port", which BuildKit asks by plain http.
func Registry(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(NewRegistry())
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// NewRegistry is a registry in memory. It has all of a request before it looks at it: go-containerregistry's is locked while it
// reads a body, and BuildKit sends some of a layer and then waits for the answer to another request (v0.33.1, where one build
// pushes an image and its cache): without this both wait for ever.
func NewRegistry() http.Handler {
	content := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what is missing of it, the registry complains of
		r.Body = io.NopCloser(bytes.NewReader(body))
		content.ServeHTTP(w, r)
	})
}
