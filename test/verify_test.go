package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/stretchr/testify/require"
)

func TestVerifyIsAsItsDocumentSays(t *testing.T) {
	t.Parallel()
	g := startGitHub(t, "python3.12")
	d := g.daemon(t)
	_, registry := frontendImage(t, d)
	p := g.openDoc(t, "verify.md", registry, d)
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, "policy.json"), []byte(p.blocks("json")[0]), 0o644))

	steps := p.blocks("sh")
	out := p.run(t, strings.Join(steps, "\n")) // variables of one are used in the next
	commit := must(g.Commit("nodejs20.x"))
	require.GreaterOrEqual(t, strings.Count(out, commit), 2, out)
	for _, oid := range oids(t, "arm64", "nodejs20.x") {
		require.Equal(t, 2, strings.Count(out, "sha256:"+oid+"  "), "%s\n%s", oid, out)
	}
	require.Equal(t, must(crane.Digest(registry+"/base:nodejs20.x")), strings.TrimSpace(p.run(t, "jq -r '.manifests[0].digest' again/index.json")))

	last := strings.ReplaceAll(steps[len(steps)-1], "--build-arg LAMBDABASE_REPOSITORY=oci://"+registry+"/mirror", "")
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", last)
	cmd.Dir, cmd.Env = p.dir, p.env
	denied, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(denied), "denied by policy")
}
