package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"lambdabase/internal/lambdarules"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

// savedArchive packs what older versions of docker save write: a manifest, configs, and layers in folders.
func savedArchive(t *testing.T, pack func([]byte) []byte) []byte {
	t.Helper()
	layer := packFiles(t, "main", "#!/main\n")
	var config ocispecs.Image
	config.OS, config.Architecture, config.Config.Entrypoint = "linux", "amd64", []string{"/main"}
	config.RootFS.DiffIDs = []digest.Digest{digest.FromBytes(layer)}
	dt, err := json.Marshal(config)
	require.NoError(t, err)
	return packFiles(t, "c.json", string(dt), "l/layer.tar", string(pack(layer)), "manifest.json", `[{"Config":"c.json","Layers":["l/layer.tar"]}]`)
}

func TestAnArchiveOfDockerSaveIsChecked(t *testing.T) {
	for name, pack := range map[string]func([]byte) []byte{
		"as Docker writes it": func(dt []byte) []byte { return dt },
		"as others do": func(dt []byte) []byte {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			_, err := w.Write(dt)
			require.NoError(t, err)
			require.NoError(t, w.Close())
			return b.Bytes()
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "image.tar")
			require.NoError(t, os.WriteFile(file, savedArchive(t, pack), 0o600))
			report, err := checkImage(t.Context(), imageSource{name: file}, lambdarules.Options{})
			require.NoError(t, err)
			require.Equal(t, []lambdarules.Rule{lambdarules.Entrypoint}, report.Failed())
			require.Equal(t, lambdarules.Skipped, report.Rules[2].Status)
			require.Equal(t, lambdarules.MediaTypes, report.Rules[2].Rule)
		})
	}
}

func TestWhatIsNoImageIsSaid(t *testing.T) {
	for name, tc := range map[string]struct {
		archive []byte
		want    string
	}{
		"nothing of an image": {packFiles(t, "x", "y"), "no image is in it: neither index.json nor manifest.json"},
		"two images":          {packFiles(t, "manifest.json", `[{},{}]`), "it has 2 images, want one"},
		"two images of OCI":   {packFiles(t, "index.json", `{"manifests":[{"digest":"sha256:x"},{"digest":"sha256:y"}]}`), "it has 2 images, want one"},
		"no JSON":             {packFiles(t, "manifest.json", `x`), "manifest.json: invalid character"},
		"no config":           {packFiles(t, "manifest.json", `[{"Config":"../c.json"}]`), "its config ../c.json isn't there, or is too large"},
		"no layer":            {packFiles(t, "c", `{"rootfs":{"diff_ids":["sha256:x"]}}`, "manifest.json", `[{"Config":"c","Layers":["l\u001b"]}]`), `its layer "l\x1b" isn't there`},
		"another layer":       {packFiles(t, "c", `{"rootfs":{"diff_ids":["sha256:x"]}}`, "l", "x", "manifest.json", `[{"Config":"c","Layers":["l"]}]`), "digest: invalid checksum digest length"},
		"more layers":         {packFiles(t, "c", `{}`, "manifest.json", `[{"Config":"c","Layers":["l"]}]`), "it has 1 layers, and its config names 0"},
		"no blobs":            {packFiles(t, "index.json", `{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:x"}]}`), "manifest: digest: invalid checksum"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "image.tar")
			require.NoError(t, os.WriteFile(file, tc.archive, 0o600))
			_, err := checkImage(t.Context(), imageSource{name: file}, lambdarules.Options{})
			require.ErrorContains(t, err, tc.want)
		})
	}
}
