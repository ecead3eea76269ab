package test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
)

// serveStandIns is a registry with images in the place of those that examples take from Docker Hub and ECR. The compilers among
// them are scripts: what the one for Go gives was compiled here, of the same source.
func serveStandIns(t *testing.T) (registry string) {
	t.Helper()
	registry = sandbox.Registry(t)
	shell, err := os.ReadFile(busybox(t))
	require.NoError(t, err)
	system := []entry{dirEntry("bin", 0o755), file("bin/busybox", string(shell)).mode(0o755), symlink("bin/sh", "busybox"), dirEntry("tmp", 0o777)}
	golang := append(system, file("bin/go", "#!/bin/sh\nexec busybox cp /compiled/$(busybox sed -n 's,^module example/,,p' go.mod) /bootstrap\n").mode(0o755), dirEntry("compiled", 0o755))
	for _, example := range []string{"go-function", "web-adapter"} {
		golang = append(golang, file("compiled/"+example, compileExample(t, example)))
	}
	pushStandIn(t, registry+"/library/golang:1.26", golang...)
	pushStandIn(t, registry+"/library/amazoncorretto:21", append(system,
		file("bin/javac", "#!/bin/sh\nbusybox mkdir -p $2/example && busybox cp $3 $2/example/App.class\n").mode(0o755))...)
	pushStandIn(t, registry+"/awsguru/aws-lambda-adapter:0.9.1", file("lambda-adapter", "#!/bin/sh\n").mode(0o755))
	return registry
}

// pushStandIn pushes an image of one layer.
func pushStandIn(t *testing.T, name string, entries ...entry) {
	t.Helper()
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image, err := mutate.AppendLayers(image, static.NewLayer(packTar(t, entries...), types.OCIUncompressedLayer))
	require.NoError(t, err)
	config := must(image.ConfigFile()).DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	image, err = mutate.ConfigFile(image, config)
	require.NoError(t, err)
	require.NoError(t, crane.Push(image, name))
}

// compileExample is the program of an example in Go.
func compileExample(t *testing.T, name string) (binary string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "bootstrap")
	compile := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, ".")
	compile.Dir = filepath.Join("..", "examples", name)
	compile.Env = append(os.Environ(), "CGO_ENABLED=0")
	text, err := compile.CombinedOutput()
	require.NoError(t, err, string(text))
	dt, err := os.ReadFile(out)
	require.NoError(t, err)
	return string(dt)
}

func sha256Of(content string) string { return digest.FromString(content).Encoded() }

// runInImage runs a command in an image, as Lambda would in a container of it, and gives the sha256 of what it said. What a
// command ends with is not looked at.
func runInImage(t *testing.T, d *sandbox.Daemon, image, command string) (output string) {
	t.Helper()
	dir := t.TempDir()
	dockerfile := "FROM " + image + "\nRUN " + command + " > /said || true\n" // the daemon's network is the host's
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644))
	tree, err := d.Local(t, sandbox.Request{
		Frontend: "dockerfile.v0", Dirs: map[string]string{"context": dir, "dockerfile": dir},
	})
	require.NoError(t, err)
	return tree["/said"].SHA256
}

// runtimeAPI is Lambda's side of the runtime API, for one event.
type runtimeAPI struct {
	addr     string
	mu       sync.Mutex
	response string
}

func (a *runtimeAPI) getResponse() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.response
}

func newRuntimeAPI(t *testing.T, event string) *runtimeAPI {
	t.Helper()
	api := &runtimeAPI{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.mu.Lock()
		defer api.mu.Unlock()
		switch {
		case strings.HasSuffix(r.URL.Path, "/invocation/next") && api.response == "":
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
			_, _ = io.WriteString(w, event)
		case strings.HasSuffix(r.URL.Path, "/8476a536-e9f4-11e8-9739-2dfe598c3fcd/response"):
			body, _ := io.ReadAll(r.Body)
			api.response = string(body)
			w.WriteHeader(http.StatusAccepted)
		default:
			w.WriteHeader(http.StatusGone)
		}
	}))
	t.Cleanup(server.Close)
	api.addr = server.Listener.Addr().String()
	return api
}
