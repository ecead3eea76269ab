package rootfs

import (
	"bytes"
	"context"
	"maps"
	"path"
	"slices"

	fstypes "github.com/tonistiigi/fsutil/types"
)

// Change is a path at which two root filesystems differ.
type Change struct {
	Path     string
	Old, New *fstypes.Stat // nil: there is nothing
}

// Diff returns where two root filesystems differ, by path: in what there is, its mode, owner, extended attributes, the target of a
// link, and the content of files, which is read wherever two have the same size. Times are not compared. What only one of them
// has is there with all that is in it.
func Diff(ctx context.Context, before, after Reader) ([]Change, error) {
	d := differ{before: before, after: after}
	err := d.diffDir(ctx, "/", true, true)
	slices.SortFunc(d.changes, func(a, b Change) int { return comparePaths(a.Path, b.Path) })
	return d.changes, err
}

// comparePaths has what is in a directory follow it at once.
func comparePaths(a, b string) int { return slices.Compare(split(a), split(b)) }

type differ struct {
	before, after Reader
	changes       []Change
}

// diffDir compares a directory that either or both have.
func (d *differ) diffDir(ctx context.Context, dir string, inBefore, inAfter bool) error {
	was, err := entriesOf(ctx, d.before, dir, inBefore)
	if err != nil {
		return err
	}
	is, err := entriesOf(ctx, d.after, dir, inAfter)
	if err != nil {
		return err
	}
	names := maps.Clone(was)
	maps.Copy(names, is)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if err := d.diffEntry(ctx, path.Join(dir, name), was[name], is[name]); err != nil {
			return err
		}
	}
	return nil
}

func (d *differ) diffEntry(ctx context.Context, name string, was, is *fstypes.Stat) error {
	same, err := d.isSame(ctx, name, was, is)
	if err != nil {
		return err
	}
	if !same {
		d.changes = append(d.changes, Change{Path: name, Old: was, New: is})
	}
	wasDir, isDir := was != nil && IsDir(was), is != nil && IsDir(is)
	if !wasDir && !isDir {
		return nil
	}
	return d.diffDir(ctx, name, wasDir, isDir)
}

func (d *differ) isSame(ctx context.Context, name string, was, is *fstypes.Stat) (bool, error) {
	switch {
	case was == nil || is == nil, was.Mode != is.Mode, was.Uid != is.Uid, was.Gid != is.Gid, was.Linkname != is.Linkname,
		was.Devmajor != is.Devmajor, was.Devminor != is.Devminor, !maps.EqualFunc(was.Xattrs, is.Xattrs, bytes.Equal):
		return false, nil
	case !IsRegular(was):
		return true, nil
	case was.Size != is.Size:
		return false, nil
	}
	return d.hasSameContent(ctx, name, was.Size)
}

func (d *differ) hasSameContent(ctx context.Context, name string, size int64) (bool, error) {
	for offset := int64(0); offset < size; offset += partSize {
		was, err := readPart(ctx, d.before, name, offset, size)
		if err != nil {
			return false, err
		}
		is, err := readPart(ctx, d.after, name, offset, size)
		if err != nil {
			return false, err
		}
		if !bytes.Equal(was, is) {
			return false, nil
		}
	}
	return true, nil
}

// entriesOf lists a directory by name; nothing where it isn't one.
func entriesOf(ctx context.Context, root DirReader, dir string, isDir bool) (map[string]*fstypes.Stat, error) {
	entries := map[string]*fstypes.Stat{}
	if !isDir {
		return entries, nil
	}
	list, err := List(ctx, root, dir)
	for _, st := range list {
		entries[path.Base(st.Path)] = st
	}
	return entries, err
}
