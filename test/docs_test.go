package test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lambdabase/frontend"
	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/stretchr/testify/require"
)

// doc is a document of docs/ whose commands are run.
type doc struct {
	text string
	dir  string // that they are run in
	env  []string
}

// openDoc opens a document. Its commands find lambdabase, and docker's buildx with a daemon, and REG stands for a registry.
func openDoc(t *testing.T, name, registry string, d *sandbox.Daemon, env ...string) *doc {
	t.Helper()
	dt, err := os.ReadFile("../docs/" + name)
	require.NoError(t, err)
	bin, home := t.TempDir(), t.TempDir()
	command, err := cliBinary()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(command, filepath.Join(bin, "lambdabase")))
	x := newBuildx(t, d)
	shim := "#!/bin/sh\nshift # buildx\nexec " + x.bin + " \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "docker"), []byte(shim), 0o755))
	return &doc{
		text: strings.ReplaceAll(string(dt), "REG/", registry+"/"), dir: t.TempDir(),
		env: append([]string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + home, "LAMBDABASE_ROOT=" + filepath.Join(home, "cache"),
			"BUILDX_CONFIG=" + x.config, "DOCKER_CONFIG=" + x.config, "BUILDX_BUILDER=sandbox", "NO_PROXY=127.0.0.1,localhost"}, env...),
	}
}

// openDoc opens a document whose commands reach the real hosts by the proxy, too, as the daemon does.
func (g *github) openDoc(t *testing.T, name, registry string, d *sandbox.Daemon) *doc {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, g.ca, 0o644))
	return openDoc(t, name, registry, d, "BUILDKIT_HOST="+d.Addr, "HTTPS_PROXY="+g.through, "SSL_CERT_FILE="+ca)
}

var blockRE = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// blocks are those of a language, in their order.
func (d *doc) blocks(language string) (found []string) {
	for _, block := range blockRE.FindAllStringSubmatch(d.text, -1) {
		if block[1] == language {
			found = append(found, block[2])
		}
	}
	return found
}

// run runs a block, in which every line has to succeed.
func (d *doc) run(t *testing.T, block string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-e", "-c", block)
	cmd.Dir, cmd.Env = d.dir, d.env
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", block, out)
	return string(out)
}

func TestPinningIsAsItsDocumentSays(t *testing.T) {
	t.Parallel()
	g := startGitHub(t, "python3.12")
	d := g.daemon(t)
	_, registry := frontendImage(t, d)
	p := openDoc(t, "pinning.md", registry, d, "BUILDKIT_HOST="+d.Addr)
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, "Dockerfile"), []byte(p.blocks("dockerfile")[0]), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, "app.mjs"), nil, 0o644))
	for _, block := range p.blocks("sh") {
		if strings.Contains(block, "--check") {
			g.publish(t, "nodejs20.x")
		}
		out := p.run(t, block)
		if strings.Contains(block, "--check") {
			require.Contains(t, out, " objects to fetch, ")
		}
	}
	config, err := crane.Config(registry + "/function")
	require.NoError(t, err)
	require.Contains(t, string(config), must(g.Commit("nodejs20.x")))
}

func TestTheAirGapIsAsItsDocumentSays(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"skopeo", "tar"} {
		if _, err := exec.LookPath(program); err != nil {
			sandbox.Missing(t, err)
		}
	}
	g := startGitHub(t, "python3.12")
	d := g.daemon(t)
	image, _ := frontendImage(t, d)
	outside, inside := serveCountedRegistry(t), serveCountedRegistry(t)
	require.NoError(t, crane.Copy(image, outside.host+"/lambda-frontend"))
	p := g.openDoc(t, "air-gap.md", outside.host, d)
	p.allowPlainHTTP(t, outside.host, inside.host)
	p.text = strings.ReplaceAll(p.text, "INSIDE/", inside.host+"/")
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, "Dockerfile"), []byte(p.blocks("dockerfile")[0]), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, "app.mjs"), nil, 0o644))
	want := oneImage(t, d, sandbox.Request{Func: frontend.Frontend{}.Build, Attrs: map[string]string{"runtime": "python3.12"}}).Digest.String()

	for _, block := range p.blocks("sh") {
		if strings.HasPrefix(block, "tar xf") { // nobody outside is there any more, and nothing of the layers
			g.Reset()
			outside.inject(func(w http.ResponseWriter, _ *http.Request) bool {
				http.Error(w, "outside", http.StatusTeapot)
				return true
			})
			outside.asked()
			d.Prune(t)
			p.env = append(p.env, "LAMBDABASE_ROOT="+t.TempDir())
		}
		p.run(t, block)
	}
	require.Empty(t, g.Requests())
	require.Empty(t, outside.asked())
	require.Equal(t, want, must(crane.Digest(inside.host+"/base:python3.12")))
	config, err := crane.Config(inside.host + "/function")
	require.NoError(t, err)
	require.Contains(t, string(config), must(g.Commit("nodejs20.x")))
}

// allowPlainHTTP sets skopeo up for registries of this machine, which others ask by plain HTTP without that.
func (d *doc) allowPlainHTTP(t *testing.T, hosts ...string) {
	t.Helper()
	var text strings.Builder
	for _, host := range hosts {
		fmt.Fprintf(&text, "[[registry]]\nlocation = %q\ninsecure = true\n", host)
	}
	home, _ := strings.CutPrefix(d.env[slices.IndexFunc(d.env, func(v string) bool { return strings.HasPrefix(v, "HOME=") })], "HOME=")
	require.NoError(t, os.MkdirAll(filepath.Join(home, ".config/containers"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(home, ".config/containers/registries.conf"), []byte(text.String()), 0o644))
}
