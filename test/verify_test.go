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
	image, registry := frontendImage(t, d)
	require.NotEmpty(t, image)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, g.ca, 0o644))
	p := openDoc(t, "verify.md", registry, d, "BUILDKIT_HOST="+d.Addr, "HTTPS_PROXY="+g.through, "SSL_CERT_FILE="+ca)
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
