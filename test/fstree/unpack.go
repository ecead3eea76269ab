package fstree

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math"
	"path"
	"strings"
	"time"

	"github.com/pkg/errors"
)

// xattrRecord is the prefix of the PAX records that carry extended attributes.
const xattrRecord = "SCHILY.xattr."

// FromTar reads tarballs as they are, one unpacked over the other as successive ADDs do it. Whiteouts mean nothing
// here; see [FromLayers].
func FromTar(tarballs ...io.Reader) (Tree, error) {
	root := newRootfs()
	if err := root.unpackAll(tarballs); err != nil {
		return nil, err
	}
	return tree(root.nodes), nil
}

func (r *rootfs) unpackAll(tarballs []io.Reader) error {
	for i, tarball := range tarballs {
		if err := r.unpack(tarball, r.put); err != nil {
			return errors.Wrapf(err, "tarball %d", i)
		}
	}
	return nil
}

// unpack hands every entry to put, with the path where it lands. Times of directories are set last, when nothing
// changes them any more: those the archive has a header for get its time, others that were changed keep the time of
// the change.
func (r *rootfs) unpack(archive io.Reader, put func(name string, hdr *tar.Header, content io.Reader) error) error {
	r.changed, r.described = map[*node]bool{}, map[*node]bool{}
	err := eachEntry(archive, func(hdr *tar.Header, content io.Reader) error {
		name, err := r.locate(hdr.Name)
		if err != nil {
			return err
		}
		return put(name, hdr, content)
	})
	for dir := range r.changed {
		dir.noMtime = true
	}
	for dir := range r.described {
		dir.noMtime = false
	}
	return err
}

// eachEntry calls fn for every entry of a tarball but for global headers, which describe no path.
func eachEntry(tarball io.Reader, fn func(*tar.Header, io.Reader) error) error {
	tr := tar.NewReader(tarball)
	for {
		hdr, err := tr.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return errors.Wrap(err, "tar header")
		}
		if hdr.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if err := fn(hdr, tr); err != nil {
			return errors.Wrapf(err, "tar entry %q", hdr.Name)
		}
	}
}

// put makes the entry of a header at a path whose parents are resolved.
func (r *rootfs) put(name string, hdr *tar.Header, content io.Reader) error {
	if name == "/" {
		return nil
	}
	if err := r.mkdirAll(path.Dir(name)); err != nil {
		return err
	}
	n := r.nodes[name]
	if n == nil || n.Type != Dir || hdr.Typeflag != tar.TypeDir {
		r.remove(name)
		var err error
		if n, err = r.create(hdr, content); err != nil {
			return err
		}
		r.add(name, n)
	}
	n.describe(hdr)
	r.described[n] = true
	return nil
}

func (r *rootfs) create(hdr *tar.Header, content io.Reader) (*node, error) {
	switch hdr.Typeflag {
	case tar.TypeReg:
		return newFile(content)
	case tar.TypeDir:
		return newNode(Entry{Type: Dir}), nil
	case tar.TypeSymlink:
		return newNode(Entry{Type: Symlink, Target: hdr.Linkname}), nil
	case tar.TypeLink:
		return r.linkTarget(hdr.Linkname)
	case tar.TypeFifo:
		return newNode(Entry{Type: Fifo}), nil
	case tar.TypeChar:
		return newDevice(Char, hdr)
	case tar.TypeBlock:
		return newDevice(Block, hdr)
	}
	return nil, errors.Errorf("unknown type %q", hdr.Typeflag)
}

func newNode(entry Entry) *node {
	return &node{Entry: entry, xattrs: map[string]string{}}
}

func newFile(content io.Reader) (*node, error) {
	sum := sha256.New()
	size, err := io.Copy(sum, content)
	if err != nil {
		return nil, errors.Wrap(err, "content")
	}
	return newNode(Entry{Type: File, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}), nil
}

func newDevice(kind Type, hdr *tar.Header) (*node, error) {
	for _, number := range []int64{hdr.Devmajor, hdr.Devminor} {
		if number < 0 || number > math.MaxUint32 {
			return nil, errors.Errorf("device number %d", number)
		}
	}
	return newNode(Entry{Type: kind, Major: uint32(hdr.Devmajor), Minor: uint32(hdr.Devminor)}), nil
}

// linkTarget is the node a hard link shares.
func (r *rootfs) linkTarget(target string) (*node, error) {
	name, err := r.locate(target)
	if err != nil {
		return nil, err
	}
	n := r.nodes[name]
	if n == nil || n.Type == Dir {
		return nil, errors.Errorf("hard link to %q, which is no file", target)
	}
	return n, nil
}

// describe takes over what a header says besides type and content. The header of a hard link speaks of the shared
// inode, and extended attributes of a directory that is already there stay: both as unpacking on disk has it.
func (n *node) describe(hdr *tar.Header) {
	n.UID, n.GID = hdr.Uid, hdr.Gid
	n.Mode = uint32(hdr.Mode & 0o7777)
	if n.Type == Symlink {
		n.Mode = symlinkMode
	}
	n.Mtime = nanoseconds(hdr.ModTime)
	for record, value := range hdr.PAXRecords {
		if name, ok := strings.CutPrefix(record, xattrRecord); ok {
			n.xattrs[name] = value
		}
	}
}

// nanoseconds is 1970 for times that do not fit, as containerd and BuildKit have it.
func nanoseconds(t time.Time) int64 {
	if t.Before(time.Unix(0, 0)) || t.After(time.Unix(0, math.MaxInt64)) {
		return 0
	}
	return t.UnixNano()
}
