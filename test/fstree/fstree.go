// Package fstree reads root file systems and says how two of them differ.
//
// It is the oracle comparison of the project: what the frontend builds must equal what an ordinary Dockerfile build
// of the same snapshot gives. "Equal" means everything an image can carry: path, type, mode with setuid and sticky
// bits, owner, size, time to the nanosecond, extended attributes, symlink target, device numbers, content, and which
// paths share an inode. Whatever is read, a folder, a tarball or the layers of an image, becomes the same plain
// [Tree], so that any two of them can be compared.
//
// The root directory itself is in no tree: image layers do not carry it.
package fstree

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Type is what stands at a path.
type Type string

// The types a file system knows.
const (
	File    Type = "file"
	Dir     Type = "directory"
	Symlink Type = "symlink"
	Char    Type = "character device"
	Block   Type = "block device"
	Fifo    Type = "fifo"
	Socket  Type = "socket"
)

// symlinkMode is the mode of every symlink on Linux, whatever its tar header says.
const symlinkMode = 0o777

// Entry is one path. Two entries are equal if == says so.
type Entry struct {
	Type   Type
	Mode   uint32 // permissions, setuid, setgid and sticky: 07777
	UID    int
	GID    int
	Size   int64  // of files only
	Mtime  int64  // nanoseconds since 1970; 0 where it is the time of unpacking, see [HeaderlessDirs]
	Xattrs string // `name="value"`, sorted and separated by spaces
	Target string // of symlinks
	Major  uint32 // of devices
	Minor  uint32
	Link   string // first path, in order of the alphabet, of those that share this inode; empty when alone
	SHA256 string // of files only, in hex
}

// Tree is a root file system by clean absolute path ("/usr/bin").
type Tree map[string]Entry

// node is an inode while a tree is being read; paths that are hard links of each other point to one node.
type node struct {
	Entry
	xattrs  map[string]string
	noMtime bool // a directory whose time is that of unpacking
}

// tree gives every path its entry and names the hard-link groups.
func tree(nodes map[string]*node) Tree {
	groups := map[*node][]string{}
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		n := nodes[name]
		groups[n] = append(groups[n], name)
	}
	t := make(Tree, len(nodes))
	for n, names := range groups {
		entry := n.Entry
		entry.Xattrs = showXattrs(n.xattrs)
		if n.noMtime {
			entry.Mtime = 0
		}
		if len(names) > 1 {
			entry.Link = names[0]
		}
		for _, name := range names {
			t[name] = entry
		}
	}
	delete(t, "/")
	return t
}

func showXattrs(xattrs map[string]string) string {
	shown := make([]string, 0, len(xattrs))
	for _, name := range slices.Sorted(maps.Keys(xattrs)) {
		shown = append(shown, fmt.Sprintf("%s=%q", name, xattrs[name]))
	}
	return strings.Join(shown, " ")
}
