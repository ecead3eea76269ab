package main

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lambdabase/frontend"
	"lambdabase/internal/document"
	"lambdabase/internal/printable"

	"github.com/moby/buildkit/util/staticfs"
	"github.com/pkg/errors"
	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// lockFile returns the lock file that goes with runtimes: the one that --lock names or, without that, the one of the working
// directory; empty where there is none.
func (r *request) lockFile() string {
	name := *r.optionFlags["lock"]
	given := r.flagSet.Changed("lock") && name != "" // empty is not given: an unset variable of CI comes as that
	switch {
	case given && name == frontend.LockNone, !given && r.sample:
		return ""
	case given:
		return name
	}
	if _, err := os.Lstat(document.LockName); errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return document.LockName
}

// addLock gives a target of a runtime, which has no build context, one that has the lock file alone.
func (r *request) addLock(t *target) error {
	name := r.lockFile()
	if name == "" {
		t.attrs["lock"] = frontend.LockNone
		return nil
	}
	dt, err := readLockFile(name)
	if err != nil {
		return err
	}
	context := staticfs.NewFS()
	t.attrs["lock"] = filepath.Base(name)
	context.Add(t.attrs["lock"], &fstypes.Stat{Mode: 0o644}, dt)
	t.mounts = map[string]fsutil.FS{"context": context}
	return nil
}

// lockOf returns the lock file that the build obeys; empty for none.
func (b *buildCommand) lockOf(args []string) (string, error) {
	if b.file == "" {
		return b.lockFile(), nil
	}
	return b.contextLock(args)
}

// contextLock returns the lock file of a Dockerfile's build context, which the frontend reads itself; empty where it has none, or
// none is obeyed.
func (b *buildCommand) contextLock(args []string) (string, error) {
	attrs, err := b.dockerfileAttrs()
	if err != nil {
		return "", err
	}
	if b.syntaxLine != "" {
		attrs["cmdline"] = b.syntaxLine
	}
	options, err := frontend.ParseOptions(attrs)
	if err != nil || options.Lock == frontend.LockNone || options.HasRepository() {
		return "", nil // what is wrong with the options the frontend says
	}
	name := filepath.Join(append(args, ".")[0], cmp.Or(options.Lock, document.LockName))
	if !isFile(name) {
		return "", nil
	}
	return name, nil
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

func readLockFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Errorf("there is no lock file %s: write it with lambdabase lock RUNTIME... -o %s", printable.Name(name), printable.Name(name))
	}
	if err != nil {
		return nil, errors.Wrap(err, "lock file")
	}
	if !info.Mode().IsRegular() || info.Size() > document.MaxSize {
		return nil, errors.Errorf("lock file %s is no plain file of at most %d bytes", printable.Name(name), document.MaxSize)
	}
	dt, err := os.ReadFile(name)
	return dt, errors.Wrap(err, "lock file")
}

// openLock reads a lock file.
func openLock(name string) (*document.Lock, error) {
	dt, err := readLockFile(name)
	if err != nil {
		return nil, err
	}
	return document.ParseLock(printable.Name(name), dt)
}

// findLocked returns what a lock file has of a runtime.
func findLocked(lock *document.Lock, name, runtime string) (*document.Snapshot, error) {
	if locked := lock.Find(runtime); locked != nil {
		return locked, nil
	}
	if len(lock.Snapshots) == 0 {
		return nil, errors.Errorf("%s locks no runtime: add it with lambdabase lock --update %s, or restore the file", printable.Name(name), runtime)
	}
	return nil, errors.Errorf("%s has no runtime %s, it has %s", printable.Name(name), runtime, strings.Join(lock.Runtimes(), ", "))
}

// withLockedRepository returns options with the repository of the lock file, if it has one only: the user's credentials are for it. What
// is wrong with the file the frontend says.
func (r *request) withLockedRepository(options frontend.Options) (frontend.Options, error) {
	lock, err := r.readRepositoryLock()
	if err != nil || lock.Repository() == "" {
		return options, err
	}
	if named, err := options.WithRepository(lock.Repository()); err == nil {
		return named, nil
	}
	return options, nil
}

// readRepositoryLock reads the lock file that says the repository; one without runtimes where there is none, or something is wrong with it.
func (r *request) readRepositoryLock() (*document.Lock, error) {
	if r.repositoryLock == "" {
		return document.NewLock(), nil
	}
	dt, err := readLockFile(r.repositoryLock)
	if err != nil {
		return nil, err
	}
	if lock, err := document.ParseLock("", dt); err == nil {
		return lock, nil
	}
	return document.NewLock(), nil
}

// locksOtherHosts reports whether the lock file names another host than upstream's. It comes with whatever is built, and must not
// say where a secret goes that names no host.
func (r *request) locksOtherHosts() bool {
	lock, err := r.readRepositoryLock()
	return err != nil || slices.ContainsFunc(lock.Snapshots, func(s *document.Snapshot) bool {
		u := httpURL(s.Repository)
		return u != nil && u.Host != httpURL(frontend.Upstream).Host
	})
}
