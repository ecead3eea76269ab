//go:build unix

package fstree

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// hostLabel is what SELinux puts on every file of a host that runs it; it is no part of an image.
const hostLabel = "security.selinux"

type inode struct{ dev, ino uint64 }

// FromDir reads a folder; its real inodes make the hard-link groups.
func FromDir(root string) (Tree, error) {
	nodes, inodes := map[string]*node{}, map[inode]*node{}
	err := filepath.WalkDir(root, func(file string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		n, err := readInode(file, inodes)
		if err != nil {
			return errors.Wrap(err, file)
		}
		nodes[path.Join("/", filepath.ToSlash(rel))] = n
		return nil
	})
	if err != nil {
		return nil, errors.Wrapf(err, "folder %s", root)
	}
	return tree(nodes), nil
}

func readInode(file string, inodes map[inode]*node) (*node, error) {
	var st unix.Stat_t
	if err := unix.Lstat(file, &st); err != nil {
		return nil, errors.Wrap(err, "stat")
	}
	id := inode{dev: uint64(st.Dev), ino: st.Ino}
	if n := inodes[id]; n != nil {
		return n, nil
	}
	n, err := fromStat(file, &st)
	if err != nil {
		return nil, err
	}
	n.xattrs, err = readXattrs(file)
	inodes[id] = n
	return n, err
}

func fromStat(file string, st *unix.Stat_t) (*node, error) {
	n, err := newTypedNode(file, st)
	if err != nil {
		return nil, err
	}
	n.Mode = uint32(st.Mode) & 0o7777
	if n.Type == Symlink {
		n.Mode = symlinkMode
	}
	n.UID, n.GID = int(st.Uid), int(st.Gid)
	n.Mtime = unix.TimespecToNsec(st.Mtim)
	return n, nil
}

// newTypedNode is a node with what only its type has: content, target, device numbers.
func newTypedNode(file string, st *unix.Stat_t) (*node, error) {
	device := uint64(st.Rdev)
	switch uint32(st.Mode) & unix.S_IFMT {
	case unix.S_IFREG:
		return readContent(file)
	case unix.S_IFDIR:
		return newNode(Entry{Type: Dir}), nil
	case unix.S_IFLNK:
		target, err := os.Readlink(file)
		return newNode(Entry{Type: Symlink, Target: target}), errors.Wrap(err, "symlink target")
	case unix.S_IFCHR:
		return newNode(Entry{Type: Char, Major: unix.Major(device), Minor: unix.Minor(device)}), nil
	case unix.S_IFBLK:
		return newNode(Entry{Type: Block, Major: unix.Major(device), Minor: unix.Minor(device)}), nil
	case unix.S_IFIFO:
		return newNode(Entry{Type: Fifo}), nil
	case unix.S_IFSOCK:
		return newNode(Entry{Type: Socket}), nil
	}
	return nil, errors.Errorf("unknown mode %o", st.Mode)
}

func readContent(file string) (*node, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return newFile(f)
}

func readXattrs(file string) (map[string]string, error) {
	names, err := readSized(func(buf []byte) (int, error) { return unix.Llistxattr(file, buf) })
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, errors.Wrap(err, "xattr names")
	}
	xattrs := map[string]string{}
	for name := range bytes.SplitSeq(bytes.TrimSuffix(names, []byte{0}), []byte{0}) {
		if len(name) == 0 || string(name) == hostLabel {
			continue
		}
		value, err := readSized(func(buf []byte) (int, error) { return unix.Lgetxattr(file, string(name), buf) })
		if err != nil {
			return nil, errors.Wrapf(err, "xattr %s", name)
		}
		xattrs[string(name)] = string(value)
	}
	return xattrs, nil
}

// readSized asks a system call for the size of its answer first, and then for the answer.
func readSized(call func([]byte) (int, error)) ([]byte, error) {
	size, err := call(nil)
	if err != nil || size == 0 {
		return nil, err
	}
	buf := make([]byte, size)
	size, err = call(buf)
	if err != nil {
		return nil, err
	}
	return buf[:size], nil
}
