package sandbox

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"testing"
	"time"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"

	"lambdabase/test/fstree"
)

// What is expected here is what the comment of [Daemon.Tree] says.
func TestExportersTellTheTree(t *testing.T) {
	d := Start(t)
	req := sampleRequest(t)
	all, err := d.All(t, req)
	require.NoError(t, err)
	layers, err := all.Image.Tree()
	require.NoError(t, err)
	for name, test := range map[string]struct {
		build func(testing.TB, Request) (fstree.Tree, error)
		ofAll fstree.Tree
		loses func(path string, e *fstree.Entry)
	}{
		"layers": {d.Tree, layers, func(path string, e *fstree.Entry) {
			e.Mtime -= e.Mtime % int64(time.Second)
			if path == "/usr/bin/ping" {
				e.Xattrs = capabilityXattr
			}
		}},
		"tar": {d.Tar, all.Tar, func(_ string, e *fstree.Entry) {
			e.Mtime = time.Unix(0, e.Mtime).Round(time.Second).UnixNano()
		}},
		"local": {d.Local, all.Local, func(path string, e *fstree.Entry) {
			e.UID, e.GID = 0, 0
			if path == "/usr/bin/ping" {
				e.Xattrs = noteXattr
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			want := sampleTree(t)
			for path, entry := range want {
				test.loses(path, &entry)
				want[path] = entry
			}
			got, err := test.build(t, req)
			require.NoError(t, err)
			require.Nil(t, fstree.Diff(want, got))
			require.Nil(t, fstree.Diff(want, test.ofAll))
		})
	}
}

func TestOCIImageHasConfigAndLayers(t *testing.T) {
	d := Start(t)
	images, err := d.OCI(t, sampleRequest(t))
	require.NoError(t, err)
	require.Len(t, images, 1)
	image := images[0]

	var config ocispecs.Image
	require.NoError(t, json.Unmarshal(image.Config, &config))
	require.Contains(t, config.Config.Env, "A=b")
	require.Equal(t, "linux", image.Platform.OS)
	require.Len(t, image.Layers, 1)
	require.Equal(t, config.RootFS.DiffIDs[0], image.Layers[0].DiffID)
	require.Equal(t, ocispecs.MediaTypeImageLayerGzip, image.Layers[0].Descriptor.MediaType)

	plain, err := image.Layers[0].Open()
	require.NoError(t, err)
	data, err := io.ReadAll(plain)
	require.NoError(t, err)
	require.NoError(t, plain.Close())
	require.Equal(t, image.Layers[0].DiffID, image.Layers[0].DiffID.Algorithm().FromBytes(data))
	missing, err := fstree.MissingParents(bytes.NewReader(data))
	require.NoError(t, err)
	require.Empty(t, missing)
}

func TestOCIReadsPlatformsAndSkipsAttestations(t *testing.T) {
	d := Start(t)
	req := sampleRequest(t)
	req.Attrs = map[string]string{"platform": "linux/amd64,linux/arm64", "attest:provenance": "mode=min"}
	req.Export = map[string]string{"compression": "zstd", "force-compression": "true"}
	images, err := d.OCI(t, req)
	require.NoError(t, err)
	require.Len(t, images, 2)
	for i, arch := range []string{"amd64", "arm64"} {
		require.Equal(t, arch, images[i].Platform.Architecture)
		require.Equal(t, ocispecs.MediaTypeImageLayerZstd, images[i].Layers[0].Descriptor.MediaType)
		tree, err := images[i].Tree()
		require.NoError(t, err)
		require.Contains(t, tree, "/usr/bin/su")
	}
	require.NotEqual(t, images[0].Digest, images[1].Digest)

	_, err = d.Tree(t, req)
	require.EqualError(t, err, "2 images in place of one")
	tree, err := d.Tar(t, req)
	require.NoError(t, err)
	require.Contains(t, tree, "/linux_arm64/usr/bin/su")
}

// The rule of [fstree.HeaderlessDirs] holds in a real build: every other time is that of the header.
func TestTimesOfDirectories(t *testing.T) {
	first := directories(t, "kept/", "changed/", "parent/", "parent/changed/", "none/file")
	second := directories(t, "changed/file", "parent/changed/file", "late/file", "late/")
	d := Start(t, WithSnapshotter("overlayfs"))
	got, err := d.Tree(t, dockerfile(t, map[string]string{
		"Dockerfile": "FROM scratch\nADD first.tar /\nADD second.tar /\n",
		"first.tar":  first, "second.tar": second,
	}))
	require.NoError(t, err)

	headerless, err := fstree.HeaderlessDirs(bytes.NewBufferString(first), bytes.NewBufferString(second))
	require.NoError(t, err)
	require.Equal(t, map[string]bool{"/changed": true, "/parent/changed": true, "/none": true}, headerless)
	want, err := fstree.FromTar(bytes.NewBufferString(first), bytes.NewBufferString(second))
	require.NoError(t, err)
	require.Len(t, fstree.Diff(want, got), len(headerless), "each of them has another time")
	require.Nil(t, fstree.Diff(want, got, fstree.IgnoreMtime(func(path string) bool { return headerless[path] })))
}

// directories is a tarball with these headers, empty files but for names that end in a slash.
func directories(t testing.TB, names ...string) string {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, name := range names {
		hdr := tar.Header{Name: name, Mode: 0o755, ModTime: sampleTime.Truncate(time.Second)}
		require.NoError(t, tw.WriteHeader(&hdr))
	}
	require.NoError(t, tw.Close())
	return buf.String()
}
