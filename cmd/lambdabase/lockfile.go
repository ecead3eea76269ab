package main

import (
	"io/fs"
	"os"
	"path/filepath"

	"lambdabase/internal/document"
	"lambdabase/internal/printable"

	"github.com/moby/buildkit/util/staticfs"
	"github.com/pkg/errors"
	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// lockNone is what ignores a lock file.
const lockNone = "none"

// lockFile returns the lock file that goes with runtimes: the one that --lock names or, without that, the one of the working
// directory; empty where there is none.
func (r *request) lockFile() string {
	name := *r.optionFlags["lock"]
	switch {
	case r.flagSet.Changed("lock") && name == lockNone, !r.flagSet.Changed("lock") && r.sample:
		return ""
	case r.flagSet.Changed("lock"):
		return name
	}
	if _, err := os.Lstat(document.LockName); err != nil {
		return ""
	}
	return document.LockName
}

// addLock gives a target of a runtime, which has no build context, one that has the lock file alone.
func (r *request) addLock(t *target) error {
	name := r.lockFile()
	if name == "" {
		t.attrs["lock"] = lockNone
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

// findContextLock finds the lock file of a Dockerfile's build context, which the frontend reads itself.
func (b *buildCommand) findContextLock(args []string) {
	name := *b.optionFlags["lock"]
	if b.file == "" || name == lockNone && b.flagSet.Changed("lock") {
		return
	}
	if !b.flagSet.Changed("lock") {
		name = document.LockName
	}
	if name = filepath.Join(append(args, ".")[0], name); isFile(name) {
		b.contextLock = name
	}
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

// lockedRepository returns the repository of a lock file, if it has one only: the user's credentials are for it. What is wrong
// with the file the frontend says.
func lockedRepository(dt []byte) string {
	lock, err := document.ParseLock("", dt)
	if err != nil || len(lock.Snapshots) == 0 {
		return ""
	}
	repository := lock.Snapshots[0].Repository
	for _, s := range lock.Snapshots {
		if s.Repository != repository {
			return ""
		}
	}
	return repository
}
