package fstree

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDiffFindsEveryKindOfDifference(t *testing.T) {
	want := Entry{Type: File, Mode: 0o755, Size: 5, Mtime: someTime.UnixNano(), SHA256: "aa"}
	for name, test := range map[string]struct {
		change func(*Entry)
		diff   string
	}{
		"type":      {func(e *Entry) { *e = Entry{Type: Fifo, Mode: 0o1} }, "/x: type fifo, want file"},
		"mode":      {func(e *Entry) { e.Mode = 0o4755 }, "/x: mode 4755, want 0755"},
		"owner":     {func(e *Entry) { e.UID = 1 }, "/x: owner 1:0, want 0:0"},
		"group":     {func(e *Entry) { e.GID = 1 }, "/x: owner 0:1, want 0:0"},
		"size":      {func(e *Entry) { e.Size = 6 }, "/x: size 6, want 5"},
		"mtime":     {func(e *Entry) { e.Mtime++ }, "/x: mtime 2023-11-14T22:13:20.12345679Z, want 2023-11-14T22:13:20.123456789Z"},
		"xattrs":    {func(e *Entry) { e.Xattrs = `user.a="1"` }, `/x: xattrs user.a="1", want none`},
		"target":    {func(e *Entry) { e.Target = "y" }, "/x: target y, want none"},
		"major":     {func(e *Entry) { e.Major = 1 }, "/x: device 1:0, want 0:0"},
		"minor":     {func(e *Entry) { e.Minor = 1 }, "/x: device 0:1, want 0:0"},
		"hard link": {func(e *Entry) { e.Link = "/a" }, "/x: hard link of /a, want none"},
		"content":   {func(e *Entry) { e.SHA256 = "bb" }, "/x: content bb, want aa"},
	} {
		t.Run(name, func(t *testing.T) {
			got := want
			test.change(&got)
			require.Equal(t, []string{test.diff}, Diff(Tree{"/x": want}, Tree{"/x": got}))
		})
	}
}

func TestDiffOfPathsIsSorted(t *testing.T) {
	want := Tree{"/a": {Type: Dir}, "/c": {Type: File}}
	got := Tree{"/b": {Type: Fifo}, "/c": {Type: File, Mode: 1, UID: 1}}
	require.Equal(t, []string{
		"/a: missing directory",
		"/b: unexpected fifo",
		"/c: mode 0001, want 0000",
		"/c: owner 1:0, want 0:0",
	}, Diff(want, got))
}

func TestDiffOfEqualTreesIsNil(t *testing.T) {
	require.Nil(t, Diff(Tree{"/a": {Type: Dir}}, Tree{"/a": {Type: Dir}}))
	require.Nil(t, Diff(nil, nil))
	require.Len(t, Diff(nil, Tree{"/a": {}}), 1)
	require.Len(t, Diff(Tree{"/a": {}}, nil), 1)
}

func TestIgnoreMtimeIgnoresNothingElse(t *testing.T) {
	headerless := map[string]bool{"/a": true}
	want := Tree{"/a": {Type: Dir, Mtime: 1}, "/b": {Type: Dir, Mtime: 1}}
	got := Tree{"/a": {Type: Dir, Mtime: 2, UID: 1}, "/b": {Type: Dir, Mtime: 2}}
	require.Equal(t, []string{
		"/a: owner 1:0, want 0:0",
		"/b: mtime 1970-01-01T00:00:00.000000002Z, want 1970-01-01T00:00:00.000000001Z",
	}, Diff(want, got, IgnoreMtime(func(path string) bool { return headerless[path] })))
}
