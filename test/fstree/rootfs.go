package fstree

import (
	"path"
	"strings"

	"github.com/pkg/errors"
)

// maxLinks bounds how many symlinks one path may go through; the kernel stops at 40, containerd at 255.
const maxLinks = 255

// rootfs is a root file system in memory that archives are unpacked into, with the rules containerd and BuildKit have
// for it on disk: an entry replaces what stands at its path, but a directory is merged with a directory.
type rootfs struct {
	nodes map[string]*node

	// Of the archive being unpacked:
	changed   map[*node]bool // directories that had a name added or removed
	described map[*node]bool // what has a header
}

func newRootfs() *rootfs {
	return &rootfs{nodes: map[string]*node{"/": newNode(Entry{Type: Dir, Mode: 0o755})}}
}

// add puts a node into a directory that is there.
func (r *rootfs) add(name string, n *node) {
	r.nodes[name] = n
	r.changed[r.nodes[path.Dir(name)]] = true
}

// locate is where an entry of that name lands: symlinks among its parents are followed, and nothing leaves the root.
func (r *rootfs) locate(name string) (string, error) {
	name = path.Clean("/" + name)
	if name == "/" {
		return name, nil
	}
	dir, err := r.resolve(path.Dir(name))
	if err != nil {
		return "", err
	}
	return path.Join(dir, path.Base(name)), nil
}

func (r *rootfs) resolve(name string) (string, error) {
	at, pending := "/", strings.Split(name, "/")
	for links := 0; len(pending) > 0; {
		next := path.Join(at, pending[0])
		pending = pending[1:]
		n := r.nodes[next]
		if n == nil || n.Type != Symlink {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", errors.Errorf("too many symlinks in %q", name)
		}
		if path.IsAbs(n.Target) {
			at = "/"
		}
		pending = append(strings.Split(n.Target, "/"), pending...)
	}
	return at, nil
}

// mkdirAll makes the parents an archive has no headers for.
func (r *rootfs) mkdirAll(dir string) error {
	if n := r.nodes[dir]; n != nil {
		if n.Type != Dir {
			return errors.Errorf("%s in place of the directory %s", n.Type, dir)
		}
		return nil
	}
	if err := r.mkdirAll(path.Dir(dir)); err != nil {
		return err
	}
	n := newNode(Entry{Type: Dir, Mode: 0o755})
	n.noMtime = true
	r.add(dir, n)
	return nil
}

// remove takes a path away, with everything below a directory.
func (r *rootfs) remove(name string) {
	n := r.nodes[name]
	if n == nil {
		return
	}
	delete(r.nodes, name)
	r.changed[r.nodes[path.Dir(name)]] = true
	if n.Type == Dir {
		r.empty(name, nil)
	}
}

// empty takes away what is below a directory, but for the paths to keep.
func (r *rootfs) empty(dir string, keep map[string]bool) {
	prefix := strings.TrimSuffix(dir, "/") + "/"
	for name := range r.nodes {
		if strings.HasPrefix(name, prefix) && name != "/" && !keep[name] {
			delete(r.nodes, name)
		}
	}
}
