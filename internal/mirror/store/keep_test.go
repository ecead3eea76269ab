package store

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"lambdabase/internal/mirror"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/stretchr/testify/require"
)

// generations pushes a runtime at so many commits, with an object that all share, and one for each.
func generations(t *testing.T, m *Mirror, runtime string, n int) (all []*Snapshot) {
	src := newMemory()
	for i := range n {
		s := src.snapshot(t, runtime, i+1, "shared", runtime+string(rune('a'+i)))
		mustPush(t, m, src, latest(s)...)
		all = append(all, s)
	}
	return all
}

func TestOnlyTheNewestAreKept(t *testing.T) {
	backends(t, func(t *testing.T, m *Mirror) {
		node, python := generations(t, m, "nodejs20.x", 4), generations(t, m, "python3.12", 3)
		k, err := m.Keep(t.Context(), []string{"nodejs20.x"}, 2)
		require.NoError(t, err)
		require.Equal(t, []string{tagOf(node[1].Snapshot), tagOf(node[0].Snapshot)}, k.Removed)
		_, commits, err := m.Tags(t.Context())
		require.NoError(t, err)
		require.Equal(t, map[string][]string{
			"nodejs20.x": {tagOf(node[2].Snapshot), tagOf(node[3].Snapshot)},
			"python3.12": {tagOf(python[0].Snapshot), tagOf(python[1].Snapshot), tagOf(python[2].Snapshot)},
		}, commits)
		k, err = m.Keep(t.Context(), []string{"nodejs20.x"}, 2)
		require.NoError(t, err)
		require.Equal(t, Kept{}, k, "nothing is left to do")
	})
}

func TestKeepFreesOfALayoutWhatNothingNames(t *testing.T) {
	dir := t.TempDir()
	m := open(t, mirror.Location{Layout: dir})
	all := generations(t, m, "nodejs20.x", 3)
	stray := filepath.Join(dir, "blobs/sha256", "0000000000000000000000000000000000000000000000000000000000000000")
	require.NoError(t, os.WriteFile(stray, []byte("of an interrupted run"), 0o600))
	before := sizeOf(t, dir)
	k, err := m.Keep(t.Context(), []string{"nodejs20.x"}, 1)
	require.NoError(t, err)
	require.Len(t, k.Removed, 2)
	require.Equal(t, before-sizeOf(t, dir), k.Freed)
	require.NoFileExists(t, stray)
	for _, s := range all {
		for _, o := range s.Objects() {
			found, err := m.exists(t.Context(), objectBlob(o))
			require.NoError(t, err)
			require.Equal(t, s == all[2] || o.OID == all[2].Objects()[0].OID, found)
		}
	}
	list, err := m.Runtimes(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
}

// sizeOf returns the bytes of a layout's blobs.
func sizeOf(t *testing.T, dir string) (size int64) {
	files, err := filepath.Glob(filepath.Join(dir, "blobs/*/*"))
	require.NoError(t, err)
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		size += info.Size()
	}
	return size
}

func TestWhatTheRuntimesTagNamesIsKept(t *testing.T) {
	backends(t, func(t *testing.T, m *Mirror) {
		src := newMemory()
		old, young := src.snapshot(t, "nodejs20.x", 1, "one"), src.snapshot(t, "nodejs20.x", 2, "two")
		mustPush(t, m, src, Wanted{young, NeverLatest}, Wanted{old, LatestAlways})
		k, err := m.Keep(t.Context(), []string{"nodejs20.x"}, 1)
		require.NoError(t, err)
		require.Empty(t, k.Removed)
	})
}

func TestWhatSomebodyElsesTagNamesIsKept(t *testing.T) {
	r := newRegistry(t)
	m := open(t, r.location("m"))
	all := generations(t, m, "nodejs20.x", 3)
	repository := r.location("m").Repository
	require.NoError(t, crane.Tag(repository+":"+tagOf(all[0].Snapshot), "production"))
	k, err := m.Keep(t.Context(), []string{"nodejs20.x"}, 1)
	require.NoError(t, err)
	require.Equal(t, []string{tagOf(all[0].Snapshot)}, k.Named)
	require.Equal(t, []string{tagOf(all[1].Snapshot)}, k.Removed)
	_, err = crane.Manifest(repository + ":production")
	require.NoError(t, err)
}

func TestARegistryThatRemovesNothingSaysSo(t *testing.T) {
	r := newRegistry(t)
	m := open(t, r.location("m"))
	generations(t, m, "nodejs20.x", 2)
	r.setIntercept(func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method != http.MethodDelete {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusMethodNotAllowed)
		w.Write([]byte(`{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}`))
		return true
	})
	_, err := m.Keep(t.Context(), []string{"nodejs20.x"}, 1)
	require.ErrorContains(t, err, "remove oci://"+r.location("m").Repository+":nodejs20.x-")
	require.ErrorContains(t, err, "answers 405 method not allowed (unsupported: The operation is unsupported.): it has that switched off, or can't do it")
}
