package fstree

import (
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFromLayersAppliesWhiteouts(t *testing.T) {
	base := []item{dir("a"), file("a/one", "1"), file("a/two", "2"), file("a/sub/three", "3"), file("b", "4")}
	for name, test := range map[string]struct {
		layer []item
		want  []string
	}{
		"a name is removed":      {[]item{file("a/.wh.one", "")}, []string{"/a", "/a/sub", "/a/sub/three", "/a/two", "/b"}},
		"a folder is removed":    {[]item{file(".wh.a", "")}, []string{"/b"}},
		"nothing to remove":      {[]item{file(".wh.c", "")}, []string{"/a", "/a/one", "/a/sub", "/a/sub/three", "/a/two", "/b"}},
		"removed and made again": {[]item{file(".wh.a", ""), dir("a"), file("a/new", "")}, []string{"/a", "/a/new", "/b"}},
		"an opaque folder loses what earlier layers had": {
			[]item{dir("a"), file("a/.wh..wh..opq", ""), file("a/new", "")}, []string{"/a", "/a/new", "/b"},
		},
		"a late opaque mark keeps what its layer has": {
			[]item{dir("a"), file("a/sub/new", ""), file("a/.wh..wh..opq", "")}, []string{"/a", "/a/sub", "/a/sub/new", "/b"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := FromLayers(archive(t, base...), archive(t, test.layer...))
			require.NoError(t, err)
			require.Equal(t, test.want, slices.Sorted(maps.Keys(got)))
		})
	}
}

func TestFromLayersLinksAcrossLayers(t *testing.T) {
	got, err := FromLayers(archive(t, file("a", "hello")), archive(t, hardlink("b", "a")), archive(t, file(".wh.a", "")))
	require.NoError(t, err)
	require.Equal(t, helloSum, got["/b"].SHA256)
	require.Empty(t, got["/b"].Link)
}

func TestFromLayersFails(t *testing.T) {
	_, err := FromLayers(archive(t), archive(t, file(".wh.", "")))
	require.EqualError(t, err, `layer 1: tar entry ".wh.": whiteout of no name`)
}

func TestFromTarKeepsWhiteoutsAsFiles(t *testing.T) {
	require.Contains(t, read(t, file("a/.wh.b", "")), "/a/.wh.b")
}

func TestMissingParents(t *testing.T) {
	for name, test := range map[string]struct {
		items []item
		want  []string
	}{
		"every parent has a header":      {[]item{dir("./"), dir("a/"), dir("a/b"), file("a/b/c", "")}, nil},
		"no header at all":               {[]item{file("a/b/c", "")}, []string{"/a", "/a/b"}},
		"a header after its children":    {[]item{dir("a"), file("a/b/c", ""), dir("a/b")}, []string{"/a/b"}},
		"a directory without its parent": {[]item{dir("a/b")}, []string{"/a"}},
		"a symlink is no directory":      {[]item{symlink("a", "b"), file("a/x", "")}, []string{"/a"}},
		"a whiteout needs parents too":   {[]item{file("a/.wh.b", "")}, []string{"/a"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := MissingParents(archive(t, test.items...))
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestHeaderlessDirs(t *testing.T) {
	for name, test := range map[string]struct {
		first, second []item
		want          map[string]bool
	}{
		"a header before or after its children": {
			[]item{dir("a"), file("a/x", ""), file("b/x", ""), dir("b")}, nil, map[string]bool{},
		},
		"no header":                     {[]item{file("a/b/x", "")}, nil, map[string]bool{"/a": true, "/a/b": true}},
		"a header in a later tarball":   {[]item{file("a/x", "")}, []item{dir("a")}, map[string]bool{}},
		"a header in an earlier one":    {[]item{dir("a")}, []item{file("a/x", "")}, map[string]bool{"/a": true}},
		"a file replaced":               {[]item{dir("a"), file("a/x", "")}, []item{file("a/x", "")}, map[string]bool{"/a": true}},
		"a change further down":         {[]item{dir("a"), dir("a/b")}, []item{file("a/b/x", "")}, map[string]bool{"/a/b": true}},
		"a header again":                {[]item{dir("a"), dir("a/b")}, []item{dir("a/b")}, map[string]bool{}},
		"an entry through a symlink":    {[]item{dir("a"), symlink("l", "a")}, []item{file("l/x", "")}, map[string]bool{"/a": true}},
		"a directory that was replaced": {[]item{file("a/x", "")}, []item{file("a", "")}, map[string]bool{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := HeaderlessDirs(archive(t, test.first...), archive(t, test.second...))
			require.NoError(t, err)
			require.Equal(t, test.want, got)

			tree, err := FromTar(archive(t, test.first...), archive(t, test.second...))
			require.NoError(t, err)
			for path, entry := range tree {
				require.Equal(t, test.want[path], entry.Mtime == 0, path)
			}
		})
	}
}

func TestBrokenLayersAreErrors(t *testing.T) {
	broken := func() io.Reader { return io.LimitReader(archive(t, file("a", "hello")), 515) }
	for name, read := range map[string]func() error{
		"FromTar":        func() error { _, err := FromTar(broken()); return err },
		"FromLayers":     func() error { _, err := FromLayers(broken()); return err },
		"MissingParents": func() error { _, err := MissingParents(broken()); return err },
		"HeaderlessDirs": func() error { _, err := HeaderlessDirs(broken()); return err },
	} {
		t.Run(name, func(t *testing.T) { require.Error(t, read()) })
	}
}
