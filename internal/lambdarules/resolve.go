package lambdarules

import (
	"archive/tar"
	"path"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// maxLinks is how many symlinks the kernel follows in one path.
const maxLinks = 40

// Whether a symlink at the end of a path is followed.
const (
	followLast = true
	keepLast   = false
)

// step is a directory on a path.
type step struct {
	path string
	node *node
}

// found is what a path leads to.
type found struct {
	path string // without symlinks
	node *node
	dirs []step // that were walked through, those of symlinks too
}

// resolver walks a path, as the kernel does with the tree as its root.
type resolver struct {
	stack []step // the root first
	found found
	links int
}

// resolve follows a path from the root.
func (t *tree) resolve(name string, follow bool) (found, error) {
	r := &resolver{stack: []step{{"/", t.root}}}
	r.found.dirs = []step{{"/", t.root}}
	rest := parts(name)
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		if part == ".." {
			r.stack = r.stack[:max(1, len(r.stack)-1)]
			continue
		}
		n, err := r.enter(part)
		if err != nil {
			return found{}, err
		}
		if n.typeflag == tar.TypeSymlink && (follow || len(rest) > 0) {
			if rest, err = r.followLink(n, rest); err != nil {
				return found{}, err
			}
			continue
		}
		if n.typeflag != tar.TypeDir && len(rest) > 0 {
			return found{}, errors.Errorf("%s is no directory", shown(r.top().path))
		}
	}
	r.found.path, r.found.node = r.top().path, r.top().node
	return r.found, nil
}

func (r *resolver) top() step { return r.stack[len(r.stack)-1] }

// enter goes to what a directory has.
func (r *resolver) enter(name string) (*node, error) {
	dir := r.top()
	full := path.Join(dir.path, name)
	n := dir.node.children[name]
	if n == nil {
		return nil, errors.Errorf("%s isn't there", shown(full))
	}
	r.stack = append(r.stack, step{full, n})
	if n.typeflag == tar.TypeDir {
		r.found.dirs = append(r.found.dirs, r.top())
	}
	return n, nil
}

// followLink goes back to where a link leads from, and returns what is to be walked then.
func (r *resolver) followLink(n *node, rest []string) ([]string, error) {
	if r.links++; r.links > maxLinks {
		return nil, errors.Errorf("%s: too many symlinks", shown(r.top().path))
	}
	r.stack = r.stack[:len(r.stack)-1]
	if strings.HasPrefix(n.link, "/") {
		r.stack = r.stack[:1]
	}
	return append(parts(n.link), rest...), nil
}

func parts(name string) []string {
	return slices.DeleteFunc(strings.Split(name, "/"), func(p string) bool { return p == "" || p == "." })
}
