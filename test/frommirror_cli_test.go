package test

import (
	"os"
	"path/filepath"
	"testing"

	"lambdabase/test/readme"
	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	gcrlayout "github.com/google/go-containerregistry/pkg/v1/layout"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

// mirrorLayout makes a mirror of runtimes in an OCI layout, and returns its folder.
func (h *repoServer) mirrorLayout(t *testing.T, d *sandbox.Daemon, runtimes ...string) string {
	t.Helper()
	dir := t.TempDir()
	to, err := gcrlayout.Write(dir, empty.Index)
	require.NoError(t, err)
	for tag, image := range h.mirrorImages(t, d, runtimes...) {
		require.NoError(t, to.AppendImage(image, gcrlayout.WithAnnotations(map[string]string{ocispecs.AnnotationRefName: tag})))
	}
	return dir
}

func TestTheCommandBuildsFromAMirror(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x", "go1.x")
	m := h.mirror(t, d, "nodejs20.x", "go1.x")
	layout := h.mirrorLayout(t, d, "nodejs20.x", "go1.x")
	files := map[string]string{"Dockerfile": "FROM nodejs20.x\nCOPY Dockerfile ./\n"}
	base, function := oneImage(t, d, h.request("nodejs20.x")), h.functionRequest(t, files)
	want := diffIDs(base)
	amd64 := "--platform=linux/amd64"
	plan := newCLI(t).mustRun(t, append([]string{"plan", "nodejs20.x", amd64, "--json"}, h.flags()...)...)
	h.Close()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		for _, repository := range []string{m.location(), "oci-layout:" + layout} {
			args := append([]string{"--repository=" + repository}, where...)
			c.mustRun(t, append([]string{"build", "nodejs20.x", "go1.x", "-o", "{runtime}.tar"}, args...)...)
			requireDigest(t, c.file("nodejs20.x.tar"), base)
			c.mustRun(t, append([]string{"build", "-f", filepath.Join(function.Dirs["context"], "Dockerfile"), function.Dirs["context"], "-o", "function.tar"}, args...)...)
			images, err := sandbox.ReadOCI(c.file("function.tar"))
			require.NoError(t, err)
			require.Equal(t, want, diffIDs(images[0])[:len(want)], "the base: a COPY dates the folder that it writes into")
			require.JSONEq(t, plan, c.mustRun(t, append([]string{"plan", "nodejs20.x", amd64, "--json"}, args...)...))
			require.Contains(t, c.mustRun(t, append([]string{"inspect", "nodejs20.x"}, args...)...), "Amazon Linux")
			require.Contains(t, c.mustFail(t, 1, append([]string{"build", "java21"}, args...)...), repository+" has no runtime java21: ")
			c.mustRun(t, "list", "--repository="+repository)
			m.asked()
			require.Equal(t, "nodejs20.x\n:4\n", c.mustRun(t, "__complete", "build", "--repository="+repository, "node"), "names complete as they were listed")
			require.Empty(t, m.asked())
		}
	})
}

func TestALayoutIsWhatTheClientAloneReads(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "go1.x")
	layout := h.mirrorLayout(t, d, "go1.x")
	_, err := d.Solve(t.Context(), t, h.request("go1.x", "repository", "oci-layout:"+layout))
	readme.Explains(t, err.Error(), "repository oci-layout:DIR is a folder on the machine of who builds")

	c, repository := newCLI(t), "--repository=oci-layout:layout"
	require.Contains(t, c.mustFail(t, 1, "build", "go1.x", repository), "layout: it is no OCI layout")
	require.NoError(t, os.Rename(layout, c.file("layout")))
	c.mustRun(t, "build", "go1.x", repository)
	require.Contains(t, c.mustRun(t, "plan", "go1.x", repository), must(h.Commit("go1.x")))

	for _, o := range h.document(t, d, "go1.x").Objects()[:1] {
		blob := c.file("layout/blobs/sha256/" + o.OID)
		require.NoError(t, os.WriteFile(blob, []byte("<html>"), 0o644))
		require.Contains(t, c.mustFail(t, 1, "build", "go1.x", repository, "--no-cache"), "from oci-layout:layout: it is damaged there, as it has sha256:")
		require.NoError(t, os.Remove(blob))
		require.Contains(t, c.mustFail(t, 1, "build", "go1.x", repository, "--no-cache"), "from oci-layout:layout: it isn't there any more: mirror it again (lambdabase mirror go1.x --commit ")
	}
}
