package lambdarules

import (
	"archive/tar"
	"io"
	"path"
	"strings"

	"github.com/pkg/errors"
)

// maxTree is how many bytes of memory the tree may take, as they are reckoned: more than a million files.
const maxTree = 256 << 20

// maxPath is how long a path can be on Linux.
const maxPath = 4096

// Whiteouts, as layers have them.
const (
	whiteoutPrefix = ".wh."
	opaqueMark     = ".wh..wh..opq"
)

// tree is what an image has once its layers are unpacked, without the content of the files.
type tree struct {
	root  *node
	layer int32  // that is read, counted from 1
	left  int64  // bytes of memory
	head  []byte // room for a file's first bytes
}

// node is a file, a directory or whatever else.
type node struct {
	typeflag byte
	mode     uint16
	header   int32 // layer that has a header for it; 0: none has, it is only above something
	link     string
	program  program // of a regular file that anybody may execute
	children map[string]*node
}

func newTree() *tree {
	return &tree{root: &node{typeflag: tar.TypeDir, mode: 0o755}, left: maxTree, head: make([]byte, headSize)}
}

func (t *tree) beginLayer() { t.layer++ }

// add puts an entry of the layer into the tree. It returns the first directory above it that the layer has had no header for.
func (t *tree) add(header *tar.Header, content io.Reader) (missing string, err error) {
	name := path.Clean("/" + header.Name)
	switch {
	case header.Typeflag == tar.TypeXGlobalHeader:
		return "", nil
	case len(name) > maxPath || len(header.Linkname) > maxPath:
		return "", errors.Errorf("%.80s... is longer than a path can be", shown(name))
	case name == "/":
		t.root.mode, t.root.header = permissions(header), t.layer
		return "", nil
	}
	parent, missing, err := t.parent(path.Dir(name))
	if err != nil {
		return "", err
	}
	base := path.Base(name)
	if hidden, is := strings.CutPrefix(base, whiteoutPrefix); is {
		t.whiteout(parent, hidden)
		return missing, nil
	}
	n, err := t.newNode(header, content)
	if err != nil {
		return "", err
	}
	if old := parent.children[base]; old != nil && old.typeflag == tar.TypeDir && n.typeflag == tar.TypeDir {
		old.mode, old.header = n.mode, n.header
		return missing, nil
	}
	return missing, t.put(parent, base, n)
}

// newNode returns what a header says.
func (t *tree) newNode(header *tar.Header, content io.Reader) (*node, error) {
	n := &node{typeflag: header.Typeflag, mode: permissions(header), header: t.layer, link: header.Linkname}
	switch header.Typeflag {
	case tar.TypeLink:
		target, err := t.resolve(header.Linkname, keepLast)
		if err != nil {
			return nil, errors.Wrapf(err, "hard link %s", shown(header.Name))
		}
		if target.node.typeflag == tar.TypeDir { // which no Linux has: the tree would be a circle
			return nil, errors.Errorf("hard link %s: %s is a directory", shown(header.Name), shown(target.path))
		}
		linked := *target.node
		linked.header = t.layer
		return &linked, nil
	case tar.TypeReg:
		n.link = ""
		if n.mode&0o111 == 0 {
			return n, nil
		}
		size, err := io.ReadFull(content, t.head)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errors.Wrap(err, shown(header.Name))
		}
		n.program = parseProgram(t.head[:size])
	}
	return n, nil
}

// parent returns a directory, made where it isn't there: through symlinks, as whoever unpacks goes.
func (t *tree) parent(dir string) (_ *node, missing string, err error) {
	current, walked, reached := t.root, "", ""
	for part := range strings.SplitSeq(strings.Trim(dir, "/"), "/") {
		if part == "" {
			continue
		}
		walked, reached = walked+"/"+part, reached+"/"+part
		child := current.children[part]
		if missing == "" && (child == nil || child.header != t.layer) {
			missing = walked
		}
		if child != nil && child.typeflag == tar.TypeSymlink {
			if target, err := t.resolve(reached, followLast); err == nil && target.node.typeflag == tar.TypeDir {
				child, reached = target.node, strings.TrimSuffix(target.path, "/")
			}
		}
		if len(reached) > maxPath { // by symlinks there would be no end to it
			return nil, "", errors.Errorf("%.80s... is longer than a path can be", shown(reached))
		}
		if child == nil || child.typeflag != tar.TypeDir {
			child = &node{typeflag: tar.TypeDir, mode: 0o755}
			if err := t.put(current, part, child); err != nil {
				return nil, "", err
			}
		}
		current = child
	}
	return current, missing, nil
}

// whiteout removes what layers below have.
func (t *tree) whiteout(dir *node, name string) {
	if whiteoutPrefix+name == opaqueMark {
		t.removeLower(dir)
		return
	}
	if n := dir.children[name]; n != nil && t.isLower(n) {
		delete(dir.children, name)
	}
}

// removeLower removes what is in a directory and isn't of this layer.
func (t *tree) removeLower(dir *node) {
	for name, n := range dir.children {
		if t.isLower(n) {
			delete(dir.children, name)
		} else {
			t.removeLower(n)
		}
	}
}

// isLower reports whether a node has nothing of this layer.
func (t *tree) isLower(n *node) bool {
	if n.header == t.layer {
		return false
	}
	for _, child := range n.children {
		if !t.isLower(child) {
			return false
		}
	}
	return true
}

// nodeSize is about what a node takes, with its place in the map of its directory.
const nodeSize = 200

func (t *tree) put(parent *node, name string, n *node) error {
	if t.left -= nodeSize + int64(len(name)+len(n.link)+len(n.program.interpreter)); t.left < 0 {
		return errors.New("it has more files than can be looked at")
	}
	if parent.children == nil {
		parent.children = map[string]*node{}
	}
	parent.children[name] = n
	return nil
}

func permissions(header *tar.Header) uint16 { return uint16(header.Mode & 0o7777) }
