package test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"lambdabase/frontend"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
)

// buildExample pushes the image of an example, and gives its name.
func (h *repoServer) buildExample(t *testing.T, d *sandbox.Daemon, name string, dirs map[string]string, more ...string) string {
	t.Helper()
	dir := filepath.Join("..", "examples", name)
	req := sandbox.Request{Func: frontend.Frontend{}.Build, Attrs: h.options("", more...), Dirs: map[string]string{"context": dir, "dockerfile": dir}}
	for k, v := range dirs {
		req.Dirs[k] = v
	}
	image := sandbox.Registry(t) + "/" + name
	_, err := d.Solve(t.Context(), t, req, client.ExportEntry{
		Type: client.ExporterImage, Attrs: map[string]string{"name": image, "push": "true"},
	})
	require.NoError(t, err)
	return image
}

func sha256Of(content string) string { return digest.FromString(content).Encoded() }

// runInImage runs a command in an image, as Lambda would in a container of it, and gives the sha256 of what it said. The sample
// has no Node.js: its runtime says which handler it got. What a command ends with is not looked at.
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

func TestTheNodeExampleStarts(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveRunnable(t)
	image := h.buildExample(t, d, "node-function", nil)
	require.Equal(t, sha256Of("handler app.handler in /var/task\n"), runInImage(t, d, image, "/lambda-entrypoint.sh app.handler"))
}

func TestTheGoExampleHandlesAnInvocation(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveRunnable(t)
	out := t.TempDir()
	compile := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(out, "bootstrap"), ".")
	compile.Dir = filepath.Join("..", "examples", "go-function")
	compile.Env = append(os.Environ(), "CGO_ENABLED=0")
	text, err := compile.CombinedOutput()
	require.NoError(t, err, string(text))
	image := h.buildExample(t, d, "go-function", map[string]string{"out": out}, "context:build", "local:out")

	api := newRuntimeAPI(t, `{"name":"lambda"}`)
	runInImage(t, d, image, "AWS_LAMBDA_RUNTIME_API="+api.addr+" /lambda-entrypoint.sh handler")
	require.Equal(t, `{"hello":"lambda"}`, api.getResponse())
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
