package test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"lambdabase/internal/lambdarules"
	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/crane"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"
)

// expectation is what an example says of an image that the commands of its README push (expected.json).
type expectation struct {
	Runtime    string   `json:"runtime"`
	Entrypoint []string `json:"entrypoint"`
	Cmd        []string `json:"cmd"`
	BaseLayers int      `json:"baseLayers"` // the first ones, which are the runtime's
	Files      []string `json:"files"`

	// What comes of it, started as Lambda does: what it says itself, as the sample's runtimes do which have no language, or to who
	// gets a path on its port 8080; or the response to an event.
	Says     string `json:"says"`
	Get      string `json:"get"`
	Event    string `json:"event"`
	Response string `json:"response"`
}

// Whatever a README has in a block is run word for word, with a registry in the place of REG.
func TestExamplesGiveWhatTheySay(t *testing.T) {
	t.Parallel()
	g := playGitHub(t, serveRunnable(t, "python3.12", "java21"))
	registry := serveStandIns(t)
	d := g.daemon(t, sandbox.WithConfig(fmt.Sprintf("[registry.\"docker.io\"]\n  mirrors = [%[1]q]\n[registry.\"public.ecr.aws\"]\n  mirrors = [%[1]q]\n[registry.%[1]q]\n  http = true\n", registry)))
	pushFrontendImage(t, d, registry)
	dirs, err := filepath.Glob("../examples/*/README.md")
	require.NoError(t, err)
	for _, readme := range dirs {
		name := filepath.Base(filepath.Dir(readme))
		if name == "ci" {
			continue // which has a test of its own
		}
		t.Run(name, func(t *testing.T) {
			p := g.openExample(t, name, registry, d)
			for _, block := range p.blocks("sh") {
				p.run(t, block)
			}
			for image, want := range expectationsOf(t, p.dir) {
				g.requireImage(t, d, registry+"/"+image, want)
			}
		})
	}
}

// openExample copies an example to run the commands of its README in. Images are of this machine's architecture, so that they
// can be started.
func (g *github) openExample(t *testing.T, name, registry string, d *sandbox.Daemon) *doc {
	t.Helper()
	p := g.openDoc(t, "../examples/"+name+"/README.md", registry, d)
	require.NoError(t, os.CopyFS(p.dir, os.DirFS("../examples/"+name)))
	if file := filepath.Join(p.dir, "Dockerfile"); name != "bake" {
		dt, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, bytes.ReplaceAll(dt, []byte("REG/"), []byte(registry+"/")), 0o644))
	}
	p.text = strings.ReplaceAll(strings.ReplaceAll(p.text, "REGISTRY=REG ", "REGISTRY="+registry+" "), "arm64", runtime.GOARCH)
	p.env = append(p.env, "NODE=nodejs20.x", "FUNCTION=nodejs20.x", "GOCACHE="+goCache(t))
	return p
}

func goCache(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

func expectationsOf(t *testing.T, dir string) (images map[string]expectation) {
	t.Helper()
	dt, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	require.NoError(t, err)
	dec := json.NewDecoder(bytes.NewReader(dt))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&images))
	require.NotEmpty(t, images)
	return images
}

// requireImage compares an image with what is said of it, looks at it by Lambda's rules, and starts it.
func (g *github) requireImage(t *testing.T, d *sandbox.Daemon, name string, want expectation) {
	t.Helper()
	image := must(crane.Pull(name))
	config := must(image.ConfigFile())
	require.Equal(t, want.Entrypoint, config.Config.Entrypoint, name)
	require.Equal(t, want.Cmd, config.Config.Cmd, name)
	require.Equal(t, want.Runtime, config.Config.Labels["lambdabase.runtime"], name)

	base := imageConfig(t, oneImage(t, d, g.request(want.Runtime, "platform", "linux/"+config.Architecture)))
	require.Len(t, base.RootFS.DiffIDs, want.BaseLayers, name)
	for i, id := range base.RootFS.DiffIDs {
		require.Equal(t, id.String(), config.RootFS.DiffIDs[i].String(), "layer %d of %s is its base's", i, name)
	}
	files := filesOf(t, image)
	for _, file := range want.Files {
		require.Contains(t, files, file, name)
	}
	if config.Architecture != "amd64" || runtime.GOARCH != "amd64" {
		return // the sample has a shell, which its entrypoint needs, for that alone
	}
	for _, r := range newCLI(t).report(t, 0, name).Rules {
		require.Equal(t, lambdarules.OK, r.Status, "%s: %s: %s", name, r.Rule, r.Text)
	}
	want.requireStart(t, d, name)
}

// filesOf are the names in the root filesystem of an image.
func filesOf(t *testing.T, image v1.Image) (names []string) {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, crane.Export(image, &buf))
	for tr := tar.NewReader(&buf); ; {
		hdr, err := tr.Next()
		if err == io.EOF {
			return names
		}
		require.NoError(t, err)
		names = append(names, strings.TrimSuffix(hdr.Name, "/"))
	}
}

// requireStart starts an image as Lambda does.
func (want expectation) requireStart(t *testing.T, d *sandbox.Daemon, name string) {
	t.Helper()
	start := strings.Join(slices.Concat(want.Entrypoint, want.Cmd), " ")
	switch {
	case want.Event != "":
		api := newRuntimeAPI(t, want.Event)
		runInImage(t, d, name, "AWS_LAMBDA_RUNTIME_API="+api.addr+" "+start)
		require.Equal(t, want.Response, api.getResponse(), name)
	case want.Get != "":
		get := "wget -q -O - 'http://127.0.0.1:8080" + want.Get + "'"
		out := runInImage(t, d, name, "--network=none "+start+" & until "+get+" > /tmp/said || ! kill -0 $!; do sleep 0.1; done; cat /tmp/said")
		require.Equal(t, sha256Of(want.Says), out, name)
	case want.Says != "":
		require.Equal(t, sha256Of(want.Says), runInImage(t, d, name, start), name)
	}
}
