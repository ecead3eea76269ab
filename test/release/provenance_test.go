package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

// attested writes a layout with an attestation, as BuildKit does.
func attested(t *testing.T, statement string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "blobs/sha256"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, ocispecs.ImageLayoutFile), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644))
	add := func(mediaType string, value any) ocispecs.Descriptor {
		dt, err := json.Marshal(value)
		require.NoError(t, err)
		id := digest.FromBytes(dt)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "blobs/sha256", id.Encoded()), dt, 0o644))
		return ocispecs.Descriptor{MediaType: mediaType, Digest: id, Size: int64(len(dt))}
	}
	layer := add("application/vnd.in-toto+json", json.RawMessage(statement))
	layer.Annotations = map[string]string{predicateKey: predicateProvenance}
	config := ocispecs.Image{Platform: ocispecs.Platform{OS: "unknown", Architecture: "unknown"}}
	config.RootFS = ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{layer.Digest}}
	manifest := add(ocispecs.MediaTypeImageManifest, ocispecs.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispecs.MediaTypeImageManifest,
		Config: add(ocispecs.MediaTypeImageConfig, config), Layers: []ocispecs.Descriptor{layer},
	})
	manifest.Annotations = map[string]string{referenceKey: "attestation-manifest"}
	index := ocispecs.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispecs.MediaTypeImageIndex, Manifests: []ocispecs.Descriptor{manifest}}
	top := index
	top.Manifests = []ocispecs.Descriptor{add(ocispecs.MediaTypeImageIndex, index)}
	dt, err := json.Marshal(top)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, ocispecs.ImageIndexFile), dt, 0o644))
	return dir
}

func TestProvenanceOfTwoBuildsIsSettledToOne(t *testing.T) {
	date := time.Unix(1700000000, 0).UTC()
	var tops []string
	for _, statement := range []string{
		`{"predicate":{"a":1,"b":{"digestMapping":{"x":"y"}},"runDetails":{"metadata":{"invocationId":"1","startedOn":"1","buildkit_metadata":{"layers":[1],"vcs":1}}}}}`,
		`{"predicate":{"a":1,"b":{"digestMapping":{"z":"y"}},"runDetails":{"metadata":{"invocationId":"2","finishedOn":"2","buildkit_metadata":{"layers":[2],"vcs":1}}}}}`,
	} {
		dir := attested(t, statement)
		require.NoError(t, settleProvenance(dir, date))
		requireLayout(t, dir)
		blobs, err := os.ReadDir(filepath.Join(dir, "blobs/sha256"))
		require.NoError(t, err)
		require.Len(t, blobs, 4, "index, manifest, config, statement, and nothing of before")
		dt, err := os.ReadFile(filepath.Join(dir, ocispecs.ImageIndexFile))
		require.NoError(t, err)
		tops = append(tops, string(dt))
	}
	require.Equal(t, tops[0], tops[1])
}

// requireLayout follows an index to the statement, whose digest is the diff ID, too.
func requireLayout(t *testing.T, dir string) {
	t.Helper()
	l := ociLayout{dir}
	var top, index ocispecs.Index
	var manifest ocispecs.Manifest
	var config ocispecs.Image
	require.NoError(t, l.read(filepath.Join(dir, ocispecs.ImageIndexFile), &top))
	require.NoError(t, l.read(l.blob(top.Manifests[0].Digest), &index))
	require.NoError(t, l.read(l.blob(index.Manifests[0].Digest), &manifest))
	require.NoError(t, l.read(l.blob(manifest.Config.Digest), &config))
	require.Equal(t, []digest.Digest{manifest.Layers[0].Digest}, config.RootFS.DiffIDs)
	for _, desc := range []ocispecs.Descriptor{top.Manifests[0], index.Manifests[0], manifest.Config, manifest.Layers[0]} {
		dt, err := os.ReadFile(l.blob(desc.Digest))
		require.NoError(t, err)
		require.Equal(t, desc.Digest, digest.FromBytes(dt))
		require.Len(t, dt, int(desc.Size))
	}
}

func TestWhatIsNoProvenanceIsNotSettled(t *testing.T) {
	require.ErrorContains(t, settleProvenance(attested(t, `{"predicate":{}}`), time.Now()), "has no metadata")
	require.ErrorContains(t, settleProvenance(t.TempDir(), time.Now()), "index.json")
}
