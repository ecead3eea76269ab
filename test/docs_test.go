package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

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
