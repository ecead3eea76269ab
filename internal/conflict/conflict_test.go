package conflict

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// stubLayer is a layer by its paths.
type stubLayer struct {
	entries map[string]*fstypes.Stat
	reads   atomic.Int32
}

func (l *stubLayer) List(_ context.Context, dir string) ([]*fstypes.Stat, error) {
	l.reads.Add(1)
	if strings.Contains(dir, "broken") {
		return nil, errors.New("input/output error")
	}
	var list []*fstypes.Stat
	for p, e := range l.entries {
		if path.Dir(p) == dir {
			named := e.CloneVT()
			named.Path = path.Base(p)
			list = append(list, named)
		}
	}
	return list, nil
}

func (l *stubLayer) HasPath(_ context.Context, names int) (bool, error) {
	for p := range l.entries {
		if strings.Count(p, "/") == names {
			return true, nil
		}
	}
	return false, nil
}

func dir(perm uint32) *fstypes.Stat { return &fstypes.Stat{Mode: uint32(os.ModeDir) | perm} }

func layer(entries map[string]*fstypes.Stat) *stubLayer { return &stubLayer{entries: entries} }

func TestConflictsAreWhereMergingWouldDiffer(t *testing.T) {
	file := &fstypes.Stat{Mode: 0o644}
	symlink := &fstypes.Stat{Mode: uint32(os.ModeSymlink) | 0o777, Linkname: "usr/lib64"}
	whiteout := &fstypes.Stat{Mode: uint32(os.ModeDevice | os.ModeCharDevice)}
	null := &fstypes.Stat{Mode: uint32(os.ModeDevice | os.ModeCharDevice), Devmajor: 1, Devminor: 3}
	owned := dir(0o755)
	owned.Uid = 993
	attr := dir(0o755)
	attr.Xattrs = map[string][]byte{"user.x": []byte("1")}
	acl, opaque := dir(0o755), dir(0o755)
	acl.Xattrs = map[string][]byte{"system.posix_acl_default": []byte("x")}
	opaque.Xattrs = map[string][]byte{"trusted.overlay.opaque": []byte("y")}
	for name, tc := range map[string]struct {
		one, two *fstypes.Stat
		want     string
	}{
		"same directories":       {dir(0o755), dir(0o755), ""},
		"file over file":         {file, file, ""},
		"symlink over file":      {file, symlink, ""},
		"device over file":       {file, null, ""},
		"other mode":             {dir(0o700), dir(0o755), "/p: directory drwx------ 0:0 in one layer, drwxr-xr-x 0:0 in another"},
		"sticky bit":             {dir(0o777 | uint32(os.ModeSticky)), dir(0o777), "/p: directory"},
		"other owner":            {dir(0o755), owned, "993:0 in another"},
		"other attributes":       {dir(0o755), attr, "/p: directory with extended attributes"},
		"symlink and directory":  {symlink, dir(0o755), "/p: a directory in one layer, something else in another"},
		"directory and file":     {dir(0o755), file, "/p: a directory in one layer"},
		"setgid":                 {dir(0o755 | uint32(os.ModeSetgid)), dir(0o755 | uint32(os.ModeSetgid)), "/p: directory that hands on"},
		"default ACL":            {acl, acl, "/p: directory that hands on"},
		"books of overlayfs":     {opaque, opaque, "/p: directory that hands on"},
		"0:0 device over a file": {file, whiteout, "/p: a 0:0 device"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Find(context.Background(), []Layer{
				layer(map[string]*fstypes.Stat{"/p": tc.one, "/only1": dir(0o711)}),
				layer(map[string]*fstypes.Stat{"/only2": dir(0o711), "/dev": null}),
				layer(map[string]*fstypes.Stat{"/p": tc.two}),
			})
			require.NoError(t, err)
			if tc.want == "" {
				require.Empty(t, got)
			} else {
				require.Len(t, got, 1)
				require.Contains(t, got[0], tc.want)
			}
		})
	}
}

func TestConflictsAreFoundAtAnyDepthAndFewDirectoriesAreReadThatAreNotShared(t *testing.T) {
	one := layer(map[string]*fstypes.Stat{"/a": dir(0o755), "/a/b": dir(0o755), "/a/b/c": dir(0o700), "/x": dir(0o755), "/x/broken": dir(0o755)})
	entries := map[string]*fstypes.Stat{"/a": dir(0o755), "/a/b": dir(0o755), "/a/b/c": dir(0o755)}
	for i := range 1000 {
		entries[fmt.Sprintf("/own%d", i)] = dir(0o755)
	}
	two := layer(entries)
	got, err := Find(context.Background(), []Layer{one, two})
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Contains(t, got[0], "/a/b/c")
	require.EqualValues(t, 3, one.reads.Load(), "/, /a and /a/b")
	require.EqualValues(t, 3+maxOwnDirs, two.reads.Load())
}

func TestALayerThatCannotBeReadIsAnError(t *testing.T) {
	l := map[string]*fstypes.Stat{"/broken": dir(0o755)}
	_, err := Find(context.Background(), []Layer{layer(l), layer(l)})
	require.ErrorContains(t, err, "directory /broken of a layer: input/output error")
}

func TestWhatOverlayfsKeepsItsBooksWithIsAConflictInALaterLayer(t *testing.T) {
	file := func(attr string) *fstypes.Stat {
		return &fstypes.Stat{Mode: 0o644, Xattrs: map[string][]byte{attr: []byte("x")}}
	}
	for attr, want := range map[string]string{
		"user.x": "", "trusted.overlay": "", "trusted.x": "",
		"trusted.overlay.metacopy": "trusted.overlay.metacopy, which", "user.overlay.redirect": "user.overlay.redirect, which",
	} {
		first := layer(map[string]*fstypes.Stat{"/a": file(attr), "/d": dir(0o755), "/d/a": file(attr)})
		later := layer(map[string]*fstypes.Stat{"/e": dir(0o755), "/e/f": dir(0o755), "/e/f/b": file(attr)})
		got, err := Find(t.Context(), []Layer{first, layer(nil), later})
		require.NoError(t, err)
		if want == "" {
			require.Empty(t, got, attr)
			continue
		}
		require.Len(t, got, 1, attr)
		require.Contains(t, got[0], "/e/f/b: the extended attribute "+want)
	}
}

func TestPathsOfManyNamesAreAConflict(t *testing.T) {
	deep := func(names int) *stubLayer {
		entries := map[string]*fstypes.Stat{}
		for i := range names {
			entries[strings.Repeat("/d", i+1)] = dir(0o755)
		}
		return layer(entries)
	}
	for names, want := range map[int]int{maxDepth: 0, maxDepth + 1: 1} {
		for _, layers := range [][]Layer{{deep(names), layer(nil)}, {layer(nil), deep(names)}} {
			got, err := Find(t.Context(), layers)
			require.NoError(t, err)
			require.Len(t, got, want)
		}
		got, err := Find(t.Context(), []Layer{deep(names)})
		require.NoError(t, err)
		require.Empty(t, got, "nothing is merged")
	}
}

// nameless is a layer of which BuildKit can't list the root.
type nameless struct{}

func (nameless) List(context.Context, string) ([]*fstypes.Stat, error) {
	return nil, errors.Wrap(ErrUnlistable, "root")
}
func (nameless) HasPath(context.Context, int) (bool, error) { return false, nil }

func TestWhatCannotBeListedIsAConflict(t *testing.T) {
	got, err := Find(t.Context(), []Layer{layer(nil), nameless{}})
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Contains(t, got[0], "/: BuildKit can't list what is in it")
}
