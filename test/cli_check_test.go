package test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"lambdabase/internal/lambdarules"
	"lambdabase/internal/sample"
	"lambdabase/test/readme"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// report is what the command says of an image.
func (c *cli) report(t testing.TB, code int, image string, more ...string) (report lambdarules.Report) {
	t.Helper()
	s := c.run(t, append([]string{"check", image, "--json"}, more...)...)
	require.Equal(t, code, s.code, s.stderr)
	require.NoError(t, json.Unmarshal([]byte(s.stdout), &report))
	return report
}

func TestWhatIsBuiltPassesTheCheck(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		h := serveRunnable(t)
		images := sandbox.Registry(t)
		args := append(append(buildArgs(h, "nodejs20.x", "provided.al2023"), where...), "--platform=linux/amd64", "--check")
		for pattern, outputs := range map[string][]string{
			"{runtime}.oci.tar":     {"-o", "{runtime}.oci.tar"},
			"{runtime}.docker.tar":  {"-o", "type=docker,dest={runtime}.docker.tar"},
			"{runtime}.layout":      {"-o", "type=oci,tar=false,dest={runtime}.layout"},
			images + "/{runtime}:1": {"-t", images + "/{runtime}:1", "--push"},
		} {
			c.mustRun(t, append(args, outputs...)...)
			for _, name := range []string{"nodejs20.x", "provided.al2023"} {
				image := strings.ReplaceAll(pattern, "{runtime}", name)
				report := c.report(t, 0, image)
				require.True(t, report.OK)
				require.Equal(t, "linux/amd64", report.Platform)
				for _, r := range report.Rules {
					require.Equal(t, lambdarules.OK, r.Status, "%s: %s: %s", image, r.Rule, r.Text)
				}
			}
		}
		require.Contains(t, c.mustRun(t, "check", "nodejs20.x.oci.tar"), "ok  entrypoint          /lambda-entrypoint.sh -> /usr/bin/sh\n")
	})
}

func TestSeveralResultsOfABuildAreChecked(t *testing.T) {
	t.Parallel()
	c, h, images := newCLI(t), serveRunnable(t), sandbox.Registry(t)
	s := c.run(t, append(buildArgs(h, "nodejs20.x"), "--platform=linux/amd64", "-o", "a.tar", "-o", "type=docker,dest=b.tar,oci-mediatypes=false", "-o", "type=local,dest=files", "-t", images+"/a:1", "--push", "--check")...)
	require.Zero(t, s.code, s.stderr)
	for _, heading := range []string{"\na.tar  linux/amd64\n", "\nb.tar  linux/amd64\n", "\n" + images + "/a:1  linux/amd64\n"} {
		require.Contains(t, s.stderr, heading)
	}
}

func TestABuildThatLambdaWouldNotTakeFailsByTheRule(t *testing.T) {
	t.Parallel()
	c, h, images := newCLI(t), serveRunnable(t), sandbox.Registry(t)
	require.NoError(t, os.WriteFile(c.file("app.mjs"), []byte("x"), 0o644))
	require.NoError(t, os.WriteFile(c.file("Dockerfile.entrypoint"), []byte("FROM nodejs20.x\nENTRYPOINT [\"/none\"]\n"), 0o644))
	require.NoError(t, os.WriteFile(c.file("Dockerfile.mode"), []byte("FROM nodejs20.x\nCOPY --chmod=600 app.mjs ./\n"), 0o644))
	for _, tc := range []struct {
		args []string
		rule lambdarules.Rule
	}{
		{[]string{"--opt=attest:provenance=mode=min"}, lambdarules.Attestations},
		{[]string{"-f", "Dockerfile.entrypoint", "."}, lambdarules.Entrypoint},
		{[]string{"-f", "Dockerfile.mode", "."}, lambdarules.Readable},
		{[]string{"--platform=linux/amd64,linux/arm64"}, lambdarules.SingleManifest},
	} {
		args := append([]string{"build"}, h.flags()...)
		if tc.args[0] != "-f" {
			args = buildArgs(h, "nodejs20.x")
		}
		if !strings.HasPrefix(tc.args[0], "--platform") {
			args = append(args, "--platform=linux/amd64")
		}
		args = append(append(args, tc.args...), "--check", "--progress=quiet")
		for image, output := range map[string][]string{"image.tar": {"-o", "image.tar"}, images + "/x:1": {"-t", images + "/x:1", "--push"}} {
			stderr := c.mustFail(t, 1, append(args, output...)...)
			require.Contains(t, stderr, "check: Lambda doesn't take "+image+": "+string(tc.rule)+"\n")
			readme.Explains(t, stderr, "check: Lambda doesn't take ...")
			report := c.report(t, 1, image)
			require.Equal(t, []lambdarules.Rule{tc.rule}, report.Failed(), image)
		}
	}
	require.Empty(t, c.report(t, 1, images+"/x:1").Platform)
	require.Equal(t, "linux/amd64", c.report(t, 1, images+"/x:1", "--platform=linux/amd64").Platform)
	for _, output := range [][]string{nil, {"-o", "type=local,dest=files"}, {"-o", "type=docker"}} {
		require.Contains(t, c.mustFail(t, 2, append(append(buildArgs(h, "nodejs20.x"), "--check"), output...)...), "--check looks at the image that was written")
	}
}

func TestAnImageThatCanNotBeReadIsNoFailureOfARule(t *testing.T) {
	t.Parallel()
	c, images := newCLI(t), sandbox.Registry(t)
	require.NoError(t, os.WriteFile(c.file("text.tar"), []byte("x"), 0o644))
	require.NoError(t, os.Mkdir(c.file("empty"), 0o755))
	for image, want := range map[string]string{
		images + "/none:1": images + "/none:1 isn't there",
		"text.tar":         "archive text.tar: no tar",
		"empty":            "folder empty is no OCI layout",
		"none.tar":         "there is no file none.tar",
		"nodejs20.x":       "a runtime is checked as it is built",
		"a b/c":            "is neither a file, a folder, nor the name of an image",
	} {
		require.Contains(t, c.mustFail(t, 2, "check", image), want)
	}
	require.Contains(t, c.mustFail(t, 2, "check", "x.tar", "--platform=a/b/c/d"), "--platform")
}

// Layers of a registry are read as they come: nothing is asked for twice, and nothing is written.
func TestLayersOfARegistryAreReadOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := map[string]int{}
	images := sandbox.NewRegistry()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodGet && strings.Contains(req.URL.Path, "/blobs/") {
			mu.Lock()
			asked[req.URL.Path]++
			mu.Unlock()
		}
		images.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	c := newCLI(t)
	h := serve(t, []sample.Branch{newBranch("nodejs20.x", compress(t, packTar(t, append(taskDirs, file("lambda-entrypoint.sh", "x").mode(0o755))...)))})
	c.mustRun(t, append(buildArgs(h, "nodejs20.x"), "-t", host+"/a:1", "--push")...)
	clear(asked)
	c.dir, c.root = t.TempDir(), filepath.Join(t.TempDir(), "none")
	report := c.report(t, 1, host+"/a:1")
	require.Equal(t, []lambdarules.Rule{lambdarules.Entrypoint}, report.Failed())
	require.NotEmpty(t, asked)
	for blob, times := range asked {
		require.Equal(t, 1, times, blob)
	}
	require.NoDirExists(t, c.root)
	entries, err := os.ReadDir(c.dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestTheCheckIsAsItsDocumentSays(t *testing.T) {
	t.Parallel()
	images, d, h := sandbox.Registry(t), sandbox.Start(t), serveRunnable(t)
	p := openDoc(t, "check.md", images, d)
	c := newCLI(t)
	c.mustRun(t, append(buildArgs(h, "nodejs20.x"), "--addr="+d.Addr, "--platform=linux/amd64", "-t", images+"/function:1", "--push", "-o", filepath.Join(p.dir, "nodejs20.x.tar"))...)
	blocks := p.blocks("sh")
	require.Len(t, blocks, 2)
	out := strings.Join(strings.Fields(p.run(t, blocks[0])), " ")
	for line := range strings.Lines(p.text) {
		fields := strings.Fields(line)
		if strings.HasPrefix(line, "    ok ") && !slices.Contains([]string{"media-types", "size", "architecture"}, fields[1]) { // which are another image's
			require.Contains(t, out, strings.Join(fields, " "))
		}
	}
	require.Contains(t, p.run(t, blocks[1]), `"ok": true`)
}
