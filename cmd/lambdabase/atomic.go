package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"lambdabase/internal/printable"

	"github.com/moby/buildkit/identity"
	"github.com/pkg/errors"
)

// atomicOutput is a file or a dir that isn't there until it is whole.
type atomicOutput interface {
	commit() error
	abort() // removes what was begun, unless it was committed
}

// openOutputs are all outputs that a command makes.
type openOutputs struct {
	mu  sync.Mutex
	all []atomicOutput
}

func (o *openOutputs) add(outputs ...atomicOutput) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, outputs...)
}

// abort removes what isn't committed. If that is already being done it waits for its end.
func (o *openOutputs) abort() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, output := range o.all {
		output.abort()
	}
	o.all = nil
}

// atomicFile is a file.
type atomicFile struct {
	name string
	file *os.File
}

// newAtomicFile returns one for a file that may be there, or a link to it.
func newAtomicFile(name string) *atomicFile {
	if file, err := filepath.EvalSymlinks(name); err == nil {
		name = file
	}
	return &atomicFile{name: name}
}

// tempName returns an unused name in the same dir, hidden.
func tempName(name string) string {
	return filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+"."+identity.NewID())
}

func (f *atomicFile) create(map[string]string) (_ io.WriteCloser, err error) {
	f.file, err = os.OpenFile(tempName(f.name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	return f.file, f.createError(err)
}

// createError names the output, and not the file that becomes it.
func (f *atomicFile) createError(err error) error {
	var failed *os.PathError
	if !errors.As(err, &failed) {
		return errors.Wrap(err, "output")
	}
	if errors.Is(err, os.ErrNotExist) {
		return errors.Errorf("output %s: there is no folder %s: make it, or name another place", printable.Name(f.name), printable.Name(filepath.Dir(f.name)))
	}
	return errors.Wrapf(failed.Err, "output %s: in folder %s", printable.Name(f.name), printable.Name(filepath.Dir(f.name)))
}

func (f *atomicFile) commit() error {
	if f.file == nil {
		return errors.Errorf("nothing was written to %s", f.name)
	}
	return errors.Wrap(os.Rename(f.file.Name(), f.name), "output")
}

func (f *atomicFile) abort() {
	if f.file != nil {
		f.file.Close()
		os.Remove(f.file.Name())
	}
}

// writeFileAtomic writes a file, or leaves the one that is there.
func writeFileAtomic(name string, text []byte) error {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() { // /dev/stdout, a pipe with a name
		return os.WriteFile(name, text, 0o644)
	}
	f := newAtomicFile(name)
	defer f.abort()
	w, err := f.create(nil)
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	return f.commit()
}

// atomicDir is a dir that wasn't there, made beside its place.
type atomicDir struct {
	name, tempDir  string
	missingParents []string // dirs above it that weren't there either, the lowest first
}

func newAtomicDir(name string) (*atomicDir, error) {
	name, err := filepath.Abs(name)
	if err != nil {
		return nil, errors.Wrap(err, "output")
	}
	d := &atomicDir{name: name, tempDir: tempName(name)}
	for above := filepath.Dir(name); ; above = filepath.Dir(above) {
		if _, err := os.Lstat(above); !errors.Is(err, os.ErrNotExist) {
			break
		}
		d.missingParents = append(d.missingParents, above)
	}
	return d, nil
}

func (d *atomicDir) commit() error {
	return errors.Wrap(os.Rename(d.tempDir, d.name), "output")
}

// maxRemoveAttempts is how often a dir is removed at most: a receiver that is ending may still write into it.
const maxRemoveAttempts = 100

func (d *atomicDir) abort() {
	for range maxRemoveAttempts {
		if os.RemoveAll(d.tempDir) == nil {
			break
		}
	}
	for _, dir := range d.missingParents {
		_ = os.Remove(dir) // if nothing is in it
	}
}

// existingDir is a dir that was there, with other files perhaps, into which files are written one by one.
type existingDir struct {
	name      string
	written   atomic.Bool // to be written to
	committed bool
}

func (e *existingDir) commit() error {
	e.committed = true
	return nil
}

// abort can't undo it.
func (e *existingDir) abort() {}

// warnIfPartial says of a dir that was written into that it may have a part of the result.
func (e *existingDir) warnIfPartial() {
	if !e.committed && e.written.Load() {
		fmt.Fprintf(os.Stderr, "%s was there before: it may have a part of the result now, besides what it had\n", e.name)
	}
}
