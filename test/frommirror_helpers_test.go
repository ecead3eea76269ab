package test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"lambdabase/frontend"
	"lambdabase/internal/catalog"
	"lambdabase/internal/document"
	"lambdabase/internal/mirror"
	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/crane"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"
)

// countedRegistry is a registry of the test's own, which says what it was asked and can be made to fail.
type countedRegistry struct {
	host  string // 127.0.0.1:port
	fault atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]

	mu       sync.Mutex
	requests []string // method and path
}

func serveCountedRegistry(t testing.TB) *countedRegistry {
	t.Helper()
	s := &countedRegistry{}
	content := sandbox.NewRegistry()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Method+" "+r.URL.Path)
		s.mu.Unlock()
		if fault := s.fault.Load(); fault == nil || !(*fault)(w, r) {
			content.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	s.host = strings.TrimPrefix(server.URL, "http://")
	return s
}

// inject has a function answer requests for which it returns true; nil ends that.
func (s *countedRegistry) inject(fault func(http.ResponseWriter, *http.Request) bool) {
	if fault == nil {
		s.fault.Store(nil)
		return
	}
	s.fault.Store(&fault)
}

// asked returns what the registry was asked since it was asked last.
func (s *countedRegistry) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := s.requests
	s.requests = nil
	return requests
}

// mirrorServer is a mirror in a registry.
type mirrorServer struct {
	*countedRegistry
	name    string          // of the repository
	objects map[string]bool // paths of objects
}

// location is that of the mirror.
func (m *mirrorServer) location() string { return "oci://" + m.host + "/" + m.name }

// mirror makes a mirror of runtimes in a registry of its own.
func (h *repoServer) mirror(t *testing.T, d *sandbox.Daemon, runtimes ...string) *mirrorServer {
	t.Helper()
	return h.mirrorIn(t, serveCountedRegistry(t), d, runtimes...)
}

// mirrorIn makes one in a registry.
func (h *repoServer) mirrorIn(t *testing.T, registry *countedRegistry, d *sandbox.Daemon, runtimes ...string) *mirrorServer {
	t.Helper()
	m := &mirrorServer{registry, "aws/lambda", map[string]bool{}}
	for tag, image := range h.mirrorImages(t, d, runtimes...) {
		require.NoError(t, crane.Push(image, m.host+"/"+m.name+":"+tag))
		layers, err := image.Layers()
		require.NoError(t, err)
		for _, l := range layers {
			m.objects["/v2/"+m.name+"/blobs/"+must(l.Digest()).String()] = true
		}
	}
	m.asked()
	return m
}

// mirrorImages are the images that a mirror has, by tag.
func (h *repoServer) mirrorImages(t *testing.T, d *sandbox.Daemon, runtimes ...string) map[string]v1.Image {
	t.Helper()
	images, list := map[string]v1.Image{}, []catalog.Runtime{}
	for _, runtime := range runtimes {
		s := h.document(t, d, runtime)
		image := h.snapshotImage(t, s)
		images[runtime], images[runtime+"-"+s.Commit] = image, image
		list = append(list, catalog.Runtime{Name: runtime, Platforms: s.PlatformNames(), Commit: s.Commit, Date: s.Date})
	}
	text, err := json.Marshal(list)
	require.NoError(t, err)
	images[mirror.CatalogTag] = labelledImage(t, mirror.CatalogLabel, string(text))
	return images
}

// document is what the head of a runtime says.
func (h *repoServer) document(t *testing.T, d *sandbox.Daemon, runtime string) *document.Snapshot {
	t.Helper()
	l, err := document.ParseLock("lock", []byte(lock(t, d, h.request(runtime))))
	require.NoError(t, err)
	return l.Find(runtime)
}

// snapshotImage is a mirrored snapshot: its document as a label, and its objects as layers.
func (h *repoServer) snapshotImage(t testing.TB, s *document.Snapshot) v1.Image {
	t.Helper()
	text, err := s.MarshalCompact()
	require.NoError(t, err)
	image := labelledImage(t, mirror.SnapshotLabel, string(text))
	for _, o := range s.Objects() {
		file, err := h.Object(o.OID)
		require.NoError(t, err)
		dt, err := os.ReadFile(file)
		require.NoError(t, err)
		image, err = mutate.AppendLayers(image, static.NewLayer(dt, mirror.ObjectMediaType))
		require.NoError(t, err)
	}
	return image
}

func labelledImage(t testing.TB, label, text string) v1.Image {
	t.Helper()
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	config, err := image.ConfigFile()
	require.NoError(t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config.Labels = "linux", "amd64", map[string]string{label: text}
	image, err = mutate.ConfigFile(image, config)
	require.NoError(t, err)
	return image
}

// request builds a runtime of the mirror with our frontend, run inside the test.
func (m *mirrorServer) request(runtime string, more ...string) sandbox.Request {
	return sandbox.Request{Func: frontend.Frontend{}.Build, Attrs: m.options(runtime, more...)}
}

func (m *mirrorServer) options(runtime string, more ...string) map[string]string {
	opts := map[string]string{"repository": m.location()}
	if runtime != "" {
		opts["runtime"] = runtime
	}
	for i := 0; i < len(more); i += 2 {
		opts[more[i]] = more[i+1]
	}
	return opts
}

// injectObjects has a function answer whoever asks for an object.
func (m *mirrorServer) injectObjects(fault http.HandlerFunc) {
	m.inject(func(w http.ResponseWriter, r *http.Request) bool {
		if m.objects[r.URL.Path] {
			fault(w, r)
		}
		return m.objects[r.URL.Path]
	})
}
