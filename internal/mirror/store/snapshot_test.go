package store

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"lambdabase/internal/catalog"
	"lambdabase/internal/mirror"
	"lambdabase/internal/mirror/label"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

// pushChanged pushes a snapshot's image with another label, or other layers.
func pushChanged(t *testing.T, m *Mirror, s *Snapshot, tag, text string, layers []ocispecs.Descriptor) {
	t.Helper()
	name := mirror.SnapshotLabel
	if text == "" {
		name = "other"
	}
	made, err := newImage(s.Date, name, text, layers)
	require.NoError(t, err)
	require.NoError(t, m.pushImage(t.Context(), made, tag))
}

func TestWhatIsNoSnapshotIsRefused(t *testing.T) {
	backends(t, func(t *testing.T, m *Mirror) {
		src := newMemory()
		s, other := src.snapshot(t, "nodejs20.x", 1, "one", "two"), src.snapshot(t, "python3.12", 1, "three")
		mustPush(t, m, src, latest(s, other)...)
		text, err := s.MarshalCompact()
		require.NoError(t, err)
		for want, push := range map[string]func(){
			" is no mirrored snapshot: its config has no label lambdabase.snapshot": func() { pushChanged(t, m, s, "nodejs20.x", "", s.image.layers) },
			"the layers of the manifest aren't the objects of its document":         func() { pushChanged(t, m, s, "nodejs20.x", string(text), other.image.layers) },
			":1: it is cut": func() { pushChanged(t, m, s, "nodejs20.x", "{", s.image.layers) },
			": platforms[0].recipe.digest: ": func() {
				pushChanged(t, m, s, "nodejs20.x", string(bytes.ReplaceAll(text, []byte("FROM scratch"), []byte("FROM scratc"))), s.image.layers)
			},
			" is of runtime python3.12 at commit ": func() { require.NoError(t, m.pushTag(t.Context(), other.image, "nodejs20.x")) },
		} {
			push()
			_, err := m.Snapshot(t.Context(), "nodejs20.x")
			require.ErrorContains(t, err, want)
			require.ErrorContains(t, err, m.ref("nodejs20.x"))
		}
	})
}

func TestImagesOfOthersAreNoRuntimes(t *testing.T) {
	backends(t, func(t *testing.T, m *Mirror) {
		src := newMemory()
		s := src.snapshot(t, "nodejs20.x", 1, "one")
		pushChanged(t, m, s, "latest", "", nil)
		mustPush(t, m, src, latest(s)...)
		list, err := m.Runtimes(t.Context())
		require.NoError(t, err)
		require.Len(t, list, 1)
	})
}

func TestTheCatalogIsMadeOfTheTags(t *testing.T) {
	backends(t, func(t *testing.T, m *Mirror) {
		src := newMemory()
		s := src.snapshot(t, "nodejs20.x", 1, "one", "two")
		mustPush(t, m, src, latest(s)...)
		pushChanged(t, m, s, mirror.CatalogTag, "lost", nil)
		require.NoError(t, m.WriteCatalog(t.Context()))
		read, err := m.readImage(t.Context(), mirror.CatalogTag)
		require.NoError(t, err)
		list, err := label.Catalog("catalog", read.config.content)
		require.NoError(t, err)
		require.Equal(t, []catalog.Runtime{{Name: "nodejs20.x", Platforms: []string{"linux/amd64", "linux/arm64"}, Commit: s.Commit, Date: s.Date, Size: 6}}, list)
		require.NoError(t, m.WriteCatalog(t.Context()))
		again, err := m.readImage(t.Context(), mirror.CatalogTag)
		require.NoError(t, err)
		require.Equal(t, read.manifest.Digest, again.manifest.Digest)
	})
}

func TestALayoutIsMadeInAnEmptyFolderAlone(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(t.Context(), mirror.Location{Layout: dir}, Options{})
	require.ErrorContains(t, err, "it is no OCI layout: there is no file oci-layout in it")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600))
	_, err = Open(t.Context(), mirror.Location{Layout: dir}, Options{Write: true})
	require.ErrorContains(t, err, "oci-layout:"+dir+": it is no OCI layout")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"9"}`), 0o600))
	_, err = Open(t.Context(), mirror.Location{Layout: dir}, Options{Write: true})
	require.ErrorContains(t, err, "its file oci-layout says no version that is known")
}

func TestALayoutThatIsOnlyReadNeedsNoRoomAndNoLock(t *testing.T) {
	dir, src := t.TempDir(), newMemory()
	writer := open(t, mirror.Location{Layout: dir})
	s := src.snapshot(t, "nodejs20.x", 1, "one")
	mustPush(t, writer, src, latest(s)...)
	m, err := Open(t.Context(), mirror.Location{Layout: dir}, Options{})
	require.NoError(t, err)
	read, err := m.Snapshot(t.Context(), "nodejs20.x")
	require.NoError(t, err)
	require.Equal(t, s.Digest(), read.Digest())
	require.NoError(t, m.Close())
}

func TestOthersImagesStayInALayout(t *testing.T) {
	dir, src := t.TempDir(), newMemory()
	m := open(t, mirror.Location{Layout: dir})
	foreign, err := newImage(src.snapshot(t, "a", 1, "x").Date, "other", "", nil)
	require.NoError(t, err)
	require.NoError(t, m.pushImage(t.Context(), foreign, "foreign"))
	l := m.backend.(*layout)
	require.NoError(t, l.changeIndex(func(index *ocispecs.Index) { index.Manifests[0].Annotations = nil }))
	generations(t, m, "nodejs20.x", 2)
	_, err = m.Keep(t.Context(), []string{"nodejs20.x"}, 1)
	require.NoError(t, err)
	for _, b := range []ocispecs.Descriptor{foreign.manifest.Descriptor, foreign.config.Descriptor} {
		found, err := m.exists(t.Context(), b)
		require.NoError(t, err)
		require.True(t, found, "what has no tag may be somebody's")
	}
	dt, err := os.ReadFile(filepath.Join(dir, "index.json"))
	require.NoError(t, err)
	var index ocispecs.Index
	require.NoError(t, json.Unmarshal(dt, &index))
	require.Len(t, index.Manifests, 4, "the foreign one, the runtime by two tags, and the catalog")
}

func TestAFileThatIsDamagedIsPushedAgain(t *testing.T) {
	dir, src := t.TempDir(), newMemory()
	m := open(t, mirror.Location{Layout: dir})
	s := src.snapshot(t, "nodejs20.x", 1, "one")
	mustPush(t, m, src, latest(s)...)
	file := filepath.Join(dir, "blobs/sha256", s.Objects()[0].OID)
	for _, damage := range []func() error{
		func() error { return os.Truncate(file, 0) }, // as a crash of the machine leaves it
		func() error { return os.WriteFile(file, []byte("onE"), 0o600) },
		func() error { return os.WriteFile(file, []byte("one more"), 0o600) },
	} {
		require.NoError(t, os.Chmod(file, 0o600))
		require.NoError(t, damage())
		require.Equal(t, 1, mustPush(t, m, src, latest(s)...)[0].Moved.Objects)
		dt, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, "one", string(dt))
	}
	require.Zero(t, mustPush(t, m, src, latest(s)...)[0].Moved.Objects)
	for _, b := range []ocispecs.Descriptor{s.image.manifest.Descriptor, s.image.config.Descriptor} {
		file := filepath.Join(dir, "blobs/sha256", b.Digest.Encoded())
		require.NoError(t, os.Chmod(file, 0o600))
		require.NoError(t, os.Truncate(file, 1))
		_, err := m.Snapshot(t.Context(), "nodejs20.x")
		require.Error(t, err)
		mustPush(t, m, src, latest(s)...)
		_, err = m.Snapshot(t.Context(), "nodejs20.x")
		require.NoError(t, err)
	}
}
