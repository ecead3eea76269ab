package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"
)

func TestABaseImageRuns(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveRunnable(t)
	name := sandbox.Registry(t) + "/lambda-base:nodejs20.x"
	_, err := d.Solve(t.Context(), t, h.request("nodejs20.x"), client.ExportEntry{
		Type: client.ExporterImage, Attrs: map[string]string{"name": name, "push": "true"},
	})
	require.NoError(t, err)

	dir := t.TempDir()
	dockerfile := "FROM " + name + "\nRUN [ \"$LAMBDA_TASK_ROOT\" = \"$PWD\" ] && /lambda-entrypoint.sh app.handler > said\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644))
	tree, err := d.Local(t, sandbox.Request{Frontend: "dockerfile.v0", Dirs: map[string]string{"context": dir, "dockerfile": dir}})
	require.NoError(t, err)
	require.Equal(t, sha256Of("handler app.handler in /var/task\n"), tree["/var/task/said"].SHA256)
}

func TestTheDemoShowsWhatANewcomerWants(t *testing.T) {
	t.Parallel()
	sandbox.Require(t, "buildkitd", "buildctl")
	cmd := exec.CommandContext(t.Context(), "go", "run", "./test/demo")
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	for _, want := range []string{
		"runtime     nodejs20.x", "commit      ", "platform    linux/amd64", "layer 6     ", "digest      sha256:",
		"image       bin/nodejs20.x.tar", "s, 6 objects fetched", "s, 0 objects fetched (0B), 2 git requests",
	} {
		require.Contains(t, string(out), want)
	}
}
