package lambdarules

import (
	"archive/tar"
	"fmt"
	"path"
	"slices"
)

// Bits that somebody who is neither owner nor of the group needs.
const (
	othersRead    = 0o4
	othersExecute = 0o1
)

// defaultTaskRoot is where functions of base images are.
const defaultTaskRoot = "/var/task"

// unreadable are paths that Lambda's user can't use. It is no user of the image's: neither owner nor group of anything in it.
type unreadable struct {
	first string
	count int
	seen  map[*node]bool
}

func (u *unreadable) need(name string, n *node, bits uint16) {
	if u.seen[n] {
		return
	}
	u.seen[n] = true
	if n.mode&bits == bits {
		return
	}
	if u.count++; u.first == "" || name < u.first {
		u.first = name
	}
}

func (c *checker) judgeReadable(programs []found) {
	u := &unreadable{seen: map[*node]bool{}}
	for _, p := range programs {
		for _, dir := range p.dirs {
			u.need(dir.path, dir.node, othersExecute)
		}
		if p.node.typeflag != tar.TypeReg {
			continue
		}
		bits := uint16(othersExecute)
		if p.node.program.script {
			bits |= othersRead
		}
		if p.node.mode&0o111 != 0 { // who can't be executed at all is another rule's
			u.need(p.path, p.node, bits)
		}
	}
	for _, root := range c.taskRoots() {
		for _, dir := range root.dirs[:len(root.dirs)-1] {
			u.need(dir.path, dir.node, othersExecute)
		}
		u.walk(root.path, root.node)
	}
	if u.count > 0 {
		c.set(Readable, Failed, fmt.Sprintf("Lambda's user can't read or execute %s (%d such paths)", shown(u.first), u.count),
			"chmod -R o+rX in the Dockerfile, or COPY --chmod: it is a user without rights of its own, and not root")
		return
	}
	c.set(Readable, OK, "what is run, and the task root, by any user", "")
}

// taskRoots are the directories that functions are read from.
func (c *checker) taskRoots() (roots []found) {
	var names []string
	for _, name := range []string{c.env(taskRootEnv), c.config.Config.WorkingDir, defaultTaskRoot} {
		if name != "" && path.Clean("/"+name) != "/" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if root, err := c.tree.resolve(name, followLast); err == nil && root.node.typeflag == tar.TypeDir && root.path != "/" {
			roots = append(roots, root)
		}
	}
	return roots
}

// walk needs a directory, with all that is in it. Symlinks have no rights of their own.
func (u *unreadable) walk(name string, n *node) {
	switch n.typeflag {
	case tar.TypeDir:
		u.need(name, n, othersRead|othersExecute)
		for base, child := range n.children {
			u.walk(path.Join(name, base), child)
		}
	case tar.TypeReg:
		u.need(name, n, othersRead)
	}
}
