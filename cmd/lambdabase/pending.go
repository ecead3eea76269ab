package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/moby/buildkit/identity"
	"github.com/pkg/errors"
)

// pending is a file or a dir that isn't there until it is whole.
type pending interface {
	keep() error
	drop() // removes what was begun, unless it was kept
}

// begun is all that a command makes.
type begun struct {
	mu  sync.Mutex
	all []pending
}

func (b *begun) add(made ...pending) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, made...)
}

// drop removes what isn't kept. If that is already being done it waits for its end.
func (b *begun) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.all {
		p.drop()
	}
	b.all = nil
}

// pendingFile is a file.
type pendingFile struct {
	name string
	file *os.File
}

// newPendingFile is for a file that may be there, or a link to it.
func newPendingFile(name string) *pendingFile {
	if file, err := filepath.EvalSymlinks(name); err == nil {
		name = file
	}
	return &pendingFile{name: name}
}

// beside returns an unused name in the same dir, hidden.
func beside(name string) string {
	return filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+"."+identity.NewID())
}

func (p *pendingFile) create(map[string]string) (_ io.WriteCloser, err error) {
	p.file, err = os.OpenFile(beside(p.name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	return p.file, errors.Wrap(err, "output")
}

func (p *pendingFile) keep() error {
	if p.file == nil {
		return errors.Errorf("nothing was written to %s", p.name)
	}
	return errors.Wrap(os.Rename(p.file.Name(), p.name), "output")
}

func (p *pendingFile) drop() {
	if p.file != nil {
		p.file.Close()
		os.Remove(p.file.Name())
	}
}

// writeWhole writes a file, or leaves the one that is there.
func writeWhole(name string, text []byte) error {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() { // /dev/stdout, a pipe with a name
		return os.WriteFile(name, text, 0o644)
	}
	p := newPendingFile(name)
	defer p.drop()
	w, err := p.create(nil)
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	return p.keep()
}

// pendingDir is a dir that wasn't there, made beside its place.
type pendingDir struct {
	name, dir string
	made      []string // dirs above it that weren't there either, the lowest first
}

func newPendingDir(name string) (*pendingDir, error) {
	name, err := filepath.Abs(name)
	if err != nil {
		return nil, errors.Wrap(err, "output")
	}
	p := &pendingDir{name: name, dir: beside(name)}
	for above := filepath.Dir(name); ; above = filepath.Dir(above) {
		if _, err := os.Lstat(above); !errors.Is(err, os.ErrNotExist) {
			break
		}
		p.made = append(p.made, above)
	}
	return p, nil
}

func (p *pendingDir) keep() error {
	return errors.Wrap(os.Rename(p.dir, p.name), "output")
}

// dropTries is how often a dir is removed at most: a receiver that is ending may still write into it.
const dropTries = 100

func (p *pendingDir) drop() {
	for range dropTries {
		if os.RemoveAll(p.dir) == nil {
			break
		}
	}
	for _, dir := range p.made {
		_ = os.Remove(dir) // if nothing is in it
	}
}

// existingDir is a dir that was there, with other files perhaps, into which files are written one by one.
type existingDir struct {
	name  string
	begun atomic.Bool // to be written to
	kept  bool
}

func (e *existingDir) keep() error {
	e.kept = true
	return nil
}

// drop can't undo it.
func (e *existingDir) drop() {}

// tell says so.
func (e *existingDir) tell() {
	if !e.kept && e.begun.Load() {
		fmt.Fprintf(os.Stderr, "%s was there before: it may have a part of the result now, besides what it had\n", e.name)
	}
}
