package main

import (
	"path"
	"strings"

	"lambdabase/frontend"
	"lambdabase/internal/catalog"
	"lambdabase/internal/document"
	"lambdabase/internal/printable"

	"github.com/distribution/reference"
	"github.com/pkg/errors"
)

// comparison is two images to compare.
type comparison struct {
	runtime string // of a lock file's entry, where two lock files are compared; else empty
	specs   [2]frontend.ImageSpec
	files   [2]string // OCI archives
}

// side is an argument: a runtime, a lock file, an archive or an image.
type side struct {
	spec    frontend.ImageSpec
	lock    *document.Lock
	archive string
}

// parseSide reads an argument. What is there as a file is that file.
func parseSide(arg string) (side, error) {
	if isFile(arg) {
		return openSide(arg)
	}
	if ext := path.Ext(arg); ext == ".tar" || ext == ".json" {
		return side{}, errors.Errorf("there is no file %s", printable.Name(arg))
	}
	name, commit, pinned := strings.Cut(arg, "@")
	if catalog.CheckName(name) == nil && !strings.Contains(name, "/") && (!pinned || catalog.IsCommit(commit)) {
		return side{spec: frontend.ImageSpec{Name: arg, Runtime: name, Commit: commit}}, nil
	}
	if strings.ContainsAny(arg, "/:") {
		if named, err := reference.ParseNormalizedNamed(arg); err == nil {
			return side{spec: frontend.ImageSpec{Name: arg, Reference: reference.TagNameOnly(named).String()}}, nil
		}
	}
	return side{}, errors.Errorf("%q is neither RUNTIME, RUNTIME@<full commit>, a file, nor the name of an image", arg)
}

// openSide reads a file: a lock file, or an OCI archive.
func openSide(name string) (side, error) {
	if path.Ext(name) != ".json" {
		return side{archive: name, spec: frontend.ImageSpec{Name: name}}, nil
	}
	lock, err := openLock(name)
	return side{lock: lock, spec: frontend.ImageSpec{Name: name}}, err
}

// comparisons pairs two sides: a lock file stands for the runtime of the other side, for all that both lock, or for the one that
// it locks.
func comparisons(a, b side) ([]comparison, error) {
	if a.lock == nil && b.lock == nil {
		return []comparison{{specs: [2]frontend.ImageSpec{a.spec, b.spec}, files: [2]string{a.archive, b.archive}}}, nil
	}
	if several, ok := withImage(a, b); ok {
		return []comparison{several}, nil
	}
	runtimes, err := lockedRuntimes(a, b)
	if err != nil {
		return nil, err
	}
	var all []comparison
	for _, runtime := range runtimes {
		c := comparison{}
		for i, s := range []side{a, b} {
			spec, err := s.specOf(runtime)
			if err != nil {
				return nil, err
			}
			c.specs[i], c.files[i] = spec, s.archive
		}
		if len(runtimes) > 1 {
			c.runtime = runtime
		}
		all = append(all, c)
	}
	return all, nil
}

// lockedRuntimes returns the runtimes of a lock file, or of two, that are compared.
func lockedRuntimes(a, b side) ([]string, error) {
	runtime := a.spec.Runtime + b.spec.Runtime
	switch {
	case a.lock != nil && b.lock != nil:
		if common := commonRuntimes(a.lock, b.lock); len(common) > 0 {
			return common, nil
		}
		return nil, errors.New("the two lock files have no runtime in common")
	case runtime != "":
		return []string{runtime}, nil
	case a.lock == nil:
		a = b
	}
	if len(a.lock.Snapshots) == 0 {
		return nil, errors.Errorf("%s locks no runtime: add one with lambdabase lock --update RUNTIME, or restore the file", printable.Name(a.spec.Name))
	}
	return a.lock.Runtimes(), nil
}

// withImage pairs a lock file of several runtimes with an image, which says itself which one it is of.
func withImage(a, b side) (c comparison, ok bool) {
	for i, s := range []side{a, b} {
		c.specs[i], c.files[i] = s.spec, s.archive
		if s.lock != nil {
			c.specs[i].Locked = s.lock.Snapshots
		}
	}
	several := max(len(c.specs[0].Locked), len(c.specs[1].Locked)) > 1
	return c, several && (a.lock == nil || b.lock == nil) && a.spec.Runtime+b.spec.Runtime == ""
}

// specOf returns the image of a runtime that a side stands for.
func (s side) specOf(runtime string) (frontend.ImageSpec, error) {
	if s.lock == nil {
		return s.spec, nil
	}
	locked, err := findLocked(s.lock, s.spec.Name, runtime)
	if err != nil {
		return s.spec, err
	}
	s.spec.Runtime, s.spec.Commit, s.spec.Snapshot = runtime, locked.Commit, locked
	return s.spec, nil
}

func commonRuntimes(a, b *document.Lock) (names []string) {
	for _, name := range a.Runtimes() {
		if b.Find(name) != nil {
			names = append(names, name)
		}
	}
	return names
}

// lockedRepository is that of a lock file which a runtime is compared with: the runtime is of the same one.
func (c comparison) lockedRepository() string {
	a, b := c.specs[0], c.specs[1]
	switch {
	case a.Snapshot != nil && b.Snapshot == nil:
		return a.Snapshot.Repository
	case b.Snapshot != nil && a.Snapshot == nil:
		return b.Snapshot.Repository
	}
	return ""
}
