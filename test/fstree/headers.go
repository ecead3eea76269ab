package fstree

import (
	"archive/tar"
	"io"
	"maps"
	"path"
	"slices"
)

// MissingParents lists the directories of a layer (decompressed) that have entries before, or without, a header of
// their own. Lambda refuses an image with such a layer (MissingParentDirectory); container runtimes do not mind.
func MissingParents(layer io.Reader) ([]string, error) {
	described, missing := map[string]bool{"/": true}, map[string]bool{}
	err := eachEntry(layer, func(hdr *tar.Header, _ io.Reader) error {
		name := path.Clean("/" + hdr.Name)
		for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
			if !described[dir] {
				missing[dir] = true
			}
		}
		if hdr.Typeflag == tar.TypeDir {
			described[name] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(missing)), nil
}

// HeaderlessDirs are the directories whose time is the time of unpacking, in every build another one: those that the last
// tarball (decompressed, in order) to put something into them has no header for. A header in an earlier tarball does not
// help, as BuildKit does not put the time back (measured with v0.33.1). With the native snapshotter, which loses the
// times of all directories between two ADDs, no time of a directory can be compared.
func HeaderlessDirs(tarballs ...io.Reader) (map[string]bool, error) {
	root := newRootfs()
	if err := root.unpackAll(tarballs); err != nil {
		return nil, err
	}
	dirs := map[string]bool{}
	for name, n := range root.nodes {
		if n.noMtime && name != "/" {
			dirs[name] = true
		}
	}
	return dirs, nil
}
