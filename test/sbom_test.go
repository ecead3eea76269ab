package test

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"
)

// sbomScanner pushes a scanner of SBOMs that finds the layers' NOTICE, or fails without it.
func sbomScanner(t *testing.T, d *sandbox.Daemon) string {
	t.Helper()
	return scriptImage(t, d, `/busybox test -e $BUILDKIT_SCAN_SOURCE/usr/share/doc/lambda/NOTICE || exit 1
echo '{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","predicate":{"name":"scanned"}}' > $BUILDKIT_SCAN_DESTINATION/sbom.spdx.json
`)
}

// scriptImage pushes an image that runs a script of busybox.
func scriptImage(t *testing.T, d *sandbox.Daemon, script string) string {
	t.Helper()
	dir := t.TempDir()
	dt, err := os.ReadFile(busybox(t))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "busybox"), dt, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "script"), []byte(script), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY busybox script /\nENTRYPOINT [\"/busybox\", \"sh\", \"/script\"]\n"), 0o644))
	image := sandbox.Registry(t) + "/script"
	_, err = d.Solve(t.Context(), t, sandbox.Request{Frontend: "dockerfile.v0", Dirs: map[string]string{"context": dir, "dockerfile": dir}},
		client.ExportEntry{Type: client.ExporterImage, Attrs: map[string]string{"name": image, "push": "true"}})
	require.NoError(t, err)
	return image
}

// spdxPredicate is the annotation of an SBOM in an attestation's manifest.
var spdxPredicate = regexp.MustCompile(`"in-toto.io/predicate-type": ?"https://spdx.dev/Document"`)

func TestEveryWayInMakesAnSBOM(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveRunnable(t)
	attest := []string{"attest:sbom", "generator=" + sbomScanner(t, d)}
	for name, req := range map[string]sandbox.Request{
		"base image":     h.request("nodejs20.x", attest...),
		"two platforms":  h.request("nodejs20.x", append(attest, "platform", "linux/amd64,linux/arm64")...),
		"function image": h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nRUN true\n"}, attest...),
		"checkout":       h.checkoutRequest(t, "nodejs20.x", "", attest...),
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "image.tar")
			_, err := d.Solve(t.Context(), t, req, client.ExportEntry{
				Type: client.ExporterOCI, Output: func(map[string]string) (io.WriteCloser, error) { return os.Create(file) },
			})
			require.NoError(t, err)
			dt, err := os.ReadFile(file)
			require.NoError(t, err)
			require.True(t, spdxPredicate.Match(dt))
		})
	}
}
