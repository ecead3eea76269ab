package label

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"lambdabase/internal/catalog"
	"lambdabase/internal/document"
	"lambdabase/internal/lfs"
	"lambdabase/internal/mirror"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

const image = "registry.example/m:nodejs20.x"

func configWith(t testing.TB, labels map[string]string) []byte {
	t.Helper()
	dt, err := json.Marshal(ocispecs.Image{Config: ocispecs.ImageConfig{Labels: labels}})
	require.NoError(t, err)
	return dt
}

func TestTheDocumentOfAnImageIsRead(t *testing.T) {
	s := &document.Snapshot{
		Version: document.Version, Runtime: "nodejs20.x", Repository: "https://git.example/o/r.git", Commit: strings.Repeat("a", 40), Date: time.Unix(1700000000, 0).UTC(),
		Platforms: []document.Platform{{
			Name:   "linux/amd64",
			Recipe: document.NewRecipe("x86_64/Dockerfile.nodejs20.x", []byte("FROM scratch\nADD a.tar.xz /\n")),
			Layers: []document.Layer{{Path: "x86_64/a.tar.xz", Pointer: lfs.Pointer{OID: strings.Repeat("b", 64), Size: 5}}},
		}},
	}
	text, err := s.MarshalCompact()
	require.NoError(t, err)
	read, err := Snapshot(image, configWith(t, map[string]string{mirror.SnapshotLabel: string(text)}))
	require.NoError(t, err)
	require.Equal(t, s, read)
}

func TestTheCatalogIsRead(t *testing.T) {
	text, err := json.Marshal([]catalog.Runtime{{Name: "nodejs20.x", Platforms: []string{"linux/amd64"}}})
	require.NoError(t, err)
	read, err := Catalog(image, configWith(t, map[string]string{mirror.CatalogLabel: string(text)}))
	require.NoError(t, err)
	require.Equal(t, []catalog.Runtime{{Name: "nodejs20.x", Platforms: []string{"linux/amd64"}}}, read)
}

func TestWhatIsNoImageOfAMirrorIsAnErrorThatNamesIt(t *testing.T) {
	snapshot := func(image string, config []byte) error { _, err := Snapshot(image, config); return err }
	runtimes := func(image string, config []byte) error { _, err := Catalog(image, config); return err }
	for want, tc := range map[string]struct {
		read   func(string, []byte) error
		config []byte
	}{
		"is no mirrored snapshot: its config has no label lambdabase.snapshot":  {snapshot, configWith(t, nil)},
		"is no catalog of a mirror: its config has no label lambdabase.catalog": {runtimes, configWith(t, nil)},
		": config: ":                       {snapshot, []byte("{")},
		":1: it is cut":                    {snapshot, configWith(t, map[string]string{mirror.SnapshotLabel: "{"})},
		": version: 0, want 1":             {snapshot, configWith(t, map[string]string{mirror.SnapshotLabel: "{}"})},
		": label lambdabase.catalog: ":     {runtimes, configWith(t, map[string]string{mirror.CatalogLabel: "{}"})},
		"lambdabase.catalog: [1].name":     {runtimes, configWith(t, map[string]string{mirror.CatalogLabel: `[{"name":"go1.x"},{"name":"../x"}]`})},
		"has a config of 16842753 bytes, ": {snapshot, make([]byte, maxConfig+1)},
	} {
		err := tc.read(image, tc.config)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, image)
	}
}

func FuzzSnapshot(f *testing.F) {
	f.Add(configWith(f, map[string]string{mirror.SnapshotLabel: `{"version":1}`}))
	f.Fuzz(func(t *testing.T, config []byte) {
		s, err := Snapshot(image, config)
		if err == nil {
			require.NoError(t, s.Validate())
		}
	})
}

func FuzzCatalog(f *testing.F) {
	f.Add(configWith(f, map[string]string{mirror.CatalogLabel: `[{"name":"nodejs20.x","platforms":["linux/amd64"],"commit":"a"},{"name":"-x"}]`}))
	f.Add([]byte(`{"config":{"Labels":null}}`))
	f.Fuzz(func(t *testing.T, config []byte) {
		found, err := Catalog(image, config)
		for _, r := range found {
			require.NoError(t, err)
			require.NoError(t, catalog.CheckName(r.Name))
		}
	})
}
