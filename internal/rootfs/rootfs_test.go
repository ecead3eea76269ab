package rootfs_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"lambdabase/internal/rootfs"
	"lambdabase/internal/rootfs/rootfstest"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/stretchr/testify/require"
	fstypes "github.com/tonistiigi/fsutil/types"
)

func newTree() *rootfstest.FS {
	files := map[string]rootfstest.File{
		"/etc": rootfstest.Dir(), "/etc/a": {Data: "12345"}, "/etc/d": rootfstest.Dir(), "/etc/d/b": {}, "/bin": rootfstest.Link("usr/bin"),
		"/usr": rootfstest.Dir(), "/usr/bin": rootfstest.Dir(), "/usr/bin/sh": {},
	}
	for i := range 200 { // what is beside
		dir := fmt.Sprintf("/usr/%d", i)
		files[dir], files[dir+"/x"] = rootfstest.Dir(), rootfstest.File{}
	}
	return rootfstest.New(files)
}

func TestAPathIsLookedUpByTheDirectoriesOnIt(t *testing.T) {
	for name, listings := range map[string]int32{"/": 0, "/etc": 1, "etc/a": 2, "/etc/d/b": 3, "/etc/d/../d/b/": 3} {
		tree := newTree()
		st, err := rootfs.Lookup(t.Context(), tree, name)
		require.NoError(t, err, name)
		require.NotNil(t, st, name)
		require.Equal(t, listings, tree.Listings.Load(), name)
	}
	for name, at := range map[string]string{"/none": "", "/etc/a/b": "", "/bin/sh": "/bin", "/etc/d/none/x": ""} {
		st, link, err := rootfs.LookupLink(t.Context(), newTree(), name)
		require.NoError(t, err, name)
		require.Nil(t, st, name)
		require.Equal(t, at, link, name)
	}
}

func TestWhatIsHiddenIsNotListed(t *testing.T) {
	tree := rootfs.Without(newTree(), func(name string) bool { return name == "/etc/d" || name == "/bin" })
	for _, name := range []string{"/etc/d", "/etc/d/b", "/bin"} {
		st, err := rootfs.Lookup(t.Context(), tree, name)
		require.NoError(t, err, name)
		require.Nil(t, st, name)
	}
	st, err := rootfs.Lookup(t.Context(), tree, "/etc/a")
	require.NoError(t, err)
	require.NotNil(t, st)
}

func TestAllIsWalked(t *testing.T) {
	tree, found := newTree(), []string{}
	require.NoError(t, rootfs.Walk(t.Context(), tree, func(name string, st *fstypes.Stat) {
		require.Equal(t, path.Base(name), st.Path)
		found = append(found, name)
	}))
	require.Len(t, found, len(tree.Files))
	require.True(t, slices.Contains(found, "/usr/bin/sh"))
	require.NoError(t, rootfs.Walk(t.Context(), rootfs.Empty{}, func(string, *fstypes.Stat) { t.Fatal("nothing is there") }))
}

func TestAFileIsCopiedInPartsThatAMessageHolds(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 9<<20/16)
	tree := rootfstest.New(map[string]rootfstest.File{"/f": {Data: content}})
	var copied bytes.Buffer
	require.NoError(t, rootfs.Copy(t.Context(), &copied, tree, "/f", int64(len(content))))
	require.Equal(t, sha256.Sum256([]byte(content)), sha256.Sum256(copied.Bytes()))
	require.EqualValues(t, 3, tree.Reads.Load())
	require.ErrorContains(t, rootfs.Copy(t.Context(), &copied, tree, "/f", int64(len(content)+1)), "read /f: 1048576 bytes at 8388608, where 1048577 were to come")
	require.ErrorContains(t, rootfs.Copy(t.Context(), &copied, tree, "/g", 1), "read /g: open /g: no such file")
}

// newLayers are two that have things in common.
func newLayers() (*rootfs.Layers, *rootfstest.FS, *rootfstest.FS) {
	dir := rootfstest.Dir()
	one := rootfstest.New(map[string]rootfstest.File{
		"/etc": dir, "/etc/a": {Data: "one"}, "/etc/b": {Data: "one"}, "/etc/d": dir, "/etc/d/x": {}, "/etc/d/x/y": {},
		"/var": dir, "/var/lib": dir, "/var/lib/gone": {}, "/srv": {Data: "file"}, "/opt": dir, "/opt/one": {},
	})
	two := rootfstest.New(map[string]rootfstest.File{
		"/etc": dir, "/etc/b": {Data: "newer"}, "/etc/d": dir, "/etc/d/z": {}, "/var": dir, "/var/lib": {Data: "file"}, "/srv": dir, "/srv/new": {},
	})
	return rootfs.NewLayers([]rootfs.Reader{one, rootfs.Empty{}, two}), one, two
}

func TestLayersLieOnEachOther(t *testing.T) {
	layers, _, _ := newLayers()
	for name, want := range map[string][]int{
		"/": {0, 1, 2}, "/etc": {0, 2}, "/etc/a": {0}, "/etc/b": {0, 2}, "/etc/d/x": {0}, "/etc/d/z": {2}, "/var/lib": {0, 2}, "/srv": {0, 2}, "/srv/new": {2}, "/opt/one": {0},
	} {
		entry, err := layers.Lookup(t.Context(), name)
		require.NoError(t, err, name)
		require.NotNil(t, entry, name)
		require.Equal(t, want, entry.Layers, name)
	}
	for _, name := range []string{"/none", "/var/lib/gone", "/etc/a/b", "/etc/none/x"} {
		entry, err := layers.Lookup(t.Context(), name)
		require.NoError(t, err, name)
		require.Nil(t, entry, name)
	}
	entry, err := layers.Lookup(t.Context(), "/var/lib")
	require.NoError(t, err)
	require.True(t, rootfs.IsRegular(entry.Stat()), "the last is seen")

	list, err := layers.ReadDir(t.Context(), gateway.ReadDirRequest{Path: "/etc"})
	require.NoError(t, err)
	var names []string
	for _, st := range list {
		names = append(names, st.Path)
	}
	require.Equal(t, []string{"a", "b", "d"}, names)
	none, err := layers.List(t.Context(), "/etc/a")
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestAFileIsReadOfTheLastLayerThatHasIt(t *testing.T) {
	layers, _, _ := newLayers()
	for name, want := range map[string]string{"/etc/a": "one", "etc/b": "newer", "/var/lib": "file"} {
		dt, err := layers.ReadFile(t.Context(), gateway.ReadRequest{Filename: name})
		require.NoError(t, err)
		require.Equal(t, want, string(dt))
	}
	_, err := layers.ReadFile(t.Context(), gateway.ReadRequest{Filename: "/var/lib/gone"})
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = rootfs.Empty{}.ReadFile(t.Context(), gateway.ReadRequest{Filename: "/a"})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestADirectoryOfALayerIsListedOnceAndOnlyOnThePath(t *testing.T) {
	layers, one, two := newLayers()
	for range 3 {
		_, err := layers.Lookup(t.Context(), "/etc/d/x")
		require.NoError(t, err)
		_, err = layers.List(t.Context(), "/etc/d")
		require.NoError(t, err)
	}
	require.EqualValues(t, 3, one.Listings.Load())
	require.EqualValues(t, 3, two.Listings.Load())
	_, err := layers.Lookup(t.Context(), "/opt/one")
	require.NoError(t, err)
	require.EqualValues(t, 4, one.Listings.Load())
	require.EqualValues(t, 3, two.Listings.Load(), "it has no such directory")
}
