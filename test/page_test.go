package test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/stretchr/testify/require"
)

// Each way to a base image that README has pushes the same one.
func TestReadmeIsAsItSays(t *testing.T) {
	t.Parallel()
	g := startGitHub(t, "python3.12")
	d := g.daemon(t)
	_, registry := frontendImage(t, d)
	p := g.openDoc(t, "../README.md", registry, d)
	p.text = strings.ReplaceAll(p.text, "REGISTRY=REG ", "REGISTRY="+registry+" ")
	p.env[0] += ":" + filepath.Dir(sandbox.Tool(t, "buildctl")) // PATH
	bake, err := os.ReadFile("../docker-bake.hcl")
	require.NoError(t, err)
	for name, content := range map[string]string{"Dockerfile": p.blocks("dockerfile")[0], "app.mjs": "", "docker-bake.hcl": string(bake)} {
		require.NoError(t, os.WriteFile(filepath.Join(p.dir, name), []byte(content), 0o644))
	}
	p.replay(t, p.blocks("console")[0])
	base, ways := "", 0
	for _, block := range p.blocks("sh") {
		p.run(t, block)
		if !strings.Contains(block, "/base:") && !strings.Contains(block, " base ") {
			continue
		}
		config := string(must(crane.Config(registry + "/base:nodejs20.x")))
		require.Contains(t, config, must(g.Commit("nodejs20.x")))
		if ways++; ways > 1 {
			require.Equal(t, base, config, block)
		}
		base = config
		require.NoError(t, crane.Delete(registry+"/base:nodejs20.x"))
	}
	require.Equal(t, 4, ways)
	require.Contains(t, string(must(crane.Config(registry+"/function"))), must(g.Commit("nodejs20.x")))
}

// replay runs the commands of a recorded session with the BuildKit inside, and compares what they say. The sample's objects, and so
// its commits and images, are the same to the byte on every machine of one architecture.
func (d *doc) replay(t *testing.T, session string) {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		return
	}
	inside := &doc{dir: t.TempDir(), env: append(slices.Clone(d.env), "BUILDKIT_HOST=")}
	var got strings.Builder
	for line := range strings.Lines(session) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			got.WriteString(line + inside.run(t, command))
		}
	}
	require.Equal(t, session, got.String())
}
