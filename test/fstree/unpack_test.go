package fstree

import (
	"archive/tar"
	"bytes"
	"io"
	"path"
	"testing"

	"github.com/stretchr/testify/require"
)

const helloSum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

func TestFromTarReadsEveryType(t *testing.T) {
	got := read(t,
		dir("usr/").with(func(h *tar.Header) { h.Mode = 0o1777 }),
		file("./usr/hello", "hello").with(func(h *tar.Header) {
			h.Mode, h.Uid, h.Gid = 0o4755, 3, 4
			h.PAXRecords = map[string]string{"SCHILY.xattr.user.b": "2", "SCHILY.xattr.user.a": "1\x00"}
		}),
		symlink("/link", "usr/hello"),
		item{hdr: tar.Header{Typeflag: tar.TypeFifo, Name: "fifo", Mode: 0o600}},
		item{hdr: tar.Header{Typeflag: tar.TypeChar, Name: "null", Mode: 0o666, Devmajor: 1, Devminor: 3}},
		item{hdr: tar.Header{Typeflag: tar.TypeBlock, Name: "loop", Mode: 0o660, Devmajor: 7}},
	)
	mtime := someTime.UnixNano()
	require.Equal(t, Tree{
		"/usr": {Type: Dir, Mode: 0o1777, Mtime: mtime},
		"/usr/hello": {Type: File, Mode: 0o4755, UID: 3, GID: 4, Size: 5, Mtime: mtime, SHA256: helloSum,
			Xattrs: `user.a="1\x00" user.b="2"`},
		"/link": {Type: Symlink, Mode: 0o777, Mtime: mtime, Target: "usr/hello"},
		"/fifo": {Type: Fifo, Mode: 0o600, Mtime: mtime},
		"/null": {Type: Char, Mode: 0o666, Mtime: mtime, Major: 1, Minor: 3},
		"/loop": {Type: Block, Mode: 0o660, Mtime: mtime, Major: 7},
	}, got)
}

func TestFromTarPaths(t *testing.T) {
	for name, test := range map[string]struct {
		items []item
		want  map[string]Type
	}{
		"parents without headers are made": {[]item{file("a/b/c", "")}, map[string]Type{"/a": Dir, "/a/b": Dir, "/a/b/c": File}},
		"the root is in no tree":           {[]item{dir("./"), file("a", "")}, map[string]Type{"/a": File}},
		"nothing leaves the root":          {[]item{file("../../a", "")}, map[string]Type{"/a": File}},
		"an entry goes through a symlinked parent": {
			[]item{dir("usr/lib64"), symlink("lib64", "usr/lib64"), file("lib64/x", "")},
			map[string]Type{"/usr": Dir, "/usr/lib64": Dir, "/usr/lib64/x": File, "/lib64": Symlink},
		},
		"an absolute symlink starts at the root": {
			[]item{dir("a"), symlink("b/up", "/../a"), file("b/up/x", "")},
			map[string]Type{"/a": Dir, "/a/x": File, "/b": Dir, "/b/up": Symlink},
		},
		"a file replaces a directory with all below it": {
			[]item{file("a/b/c", ""), file("a", "")}, map[string]Type{"/a": File},
		},
		"a directory replaces a symlink": {
			[]item{dir("b"), symlink("a", "b"), dir("a")}, map[string]Type{"/a": Dir, "/b": Dir},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[string]Type{}
			for p, entry := range read(t, test.items...) {
				got[p] = entry.Type
			}
			require.Equal(t, test.want, got)
		})
	}
}

func TestFromTarMergesDirectories(t *testing.T) {
	first := archive(t, file("a/x", ""), dir("a").with(func(h *tar.Header) {
		h.PAXRecords = map[string]string{"SCHILY.xattr.user.kept": "1"}
	}))
	second := archive(t, dir("a").with(func(h *tar.Header) { h.Mode, h.Uid = 0o700, 7 }))
	got, err := FromTar(first, second)
	require.NoError(t, err)
	require.Contains(t, got, "/a/x")
	require.Equal(t, Entry{Type: Dir, Mode: 0o700, UID: 7, Mtime: someTime.UnixNano(), Xattrs: `user.kept="1"`}, got["/a"])
}

func TestFromTarGroupsHardLinks(t *testing.T) {
	got := read(t, file("z", "hello"), hardlink("b", "z"), hardlink("c", "/b"), file("alone", ""), symlink("s", "t"), hardlink("s2", "s"))
	require.Equal(t, "/b", got["/z"].Link)
	require.Equal(t, "/b", got["/b"].Link)
	require.Equal(t, "/b", got["/c"].Link)
	require.Equal(t, helloSum, got["/c"].SHA256)
	require.Empty(t, got["/alone"].Link)
	require.Equal(t, "/s", got["/s2"].Link)
}

func TestFromTarReplacedPathLeavesItsGroup(t *testing.T) {
	got := read(t, file("a", "old"), hardlink("b", "a"), file("a", "new"))
	require.Empty(t, got["/a"].Link)
	require.Empty(t, got["/b"].Link)
	require.NotEqual(t, got["/a"].SHA256, got["/b"].SHA256)
}

func TestFromTarFails(t *testing.T) {
	for name, test := range map[string]struct {
		items []item
		want  string
	}{
		"hard link to nothing":     {[]item{hardlink("a", "b")}, `tar entry "a": hard link to "b", which is no file`},
		"hard link to itself":      {[]item{file("a", ""), hardlink("a", "a")}, "which is no file"},
		"hard link to a directory": {[]item{dir("d"), hardlink("a", "d")}, "which is no file"},
		"entry below a file":       {[]item{file("a", ""), file("a/b", "")}, "file in place of the directory /a"},
		"symlinks in a circle":     {[]item{symlink("a", "b"), symlink("b", "a"), file("a/x", "")}, "too many symlinks"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := FromTar(archive(t, test.items...))
			require.ErrorContains(t, err, test.want)
		})
	}
	_, err := FromTar(bytes.NewReader(bytes.Repeat([]byte("no tar"), 200)))
	require.ErrorContains(t, err, "tarball 0: tar header")
}

func FuzzFromTar(f *testing.F) {
	for _, items := range [][]item{
		{dir("usr"), file("usr/a", "hello"), hardlink("b", "usr/a"), symlink("l", "usr"), file("l/x", "1")},
		{file("a/b/c", "1"), file("a", "2"), symlink("../x", "/")},
	} {
		data, err := io.ReadAll(archive(f, items...))
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if declaredSize(data) > 1<<20 {
			t.Skip("sparse file: a small archive may declare terabytes")
		}
		got, err := FromTar(bytes.NewReader(data))
		if err != nil {
			return
		}
		require.Empty(t, Diff(got, got))
		for p, entry := range got {
			require.Equal(t, path.Clean("/"+p), p)
			require.NotEqual(t, "/", p)
			if parent := path.Dir(p); parent != "/" {
				require.Equal(t, Dir, got[parent].Type, p)
			}
			if entry.Link != "" {
				require.Equal(t, got[entry.Link], entry)
			}
		}
	})
}

func declaredSize(data []byte) (size int64) {
	tr := tar.NewReader(bytes.NewReader(data))
	for hdr, err := tr.Next(); err == nil; hdr, err = tr.Next() {
		if size += hdr.Size; hdr.Size > 1<<20 {
			break
		}
	}
	return size
}
