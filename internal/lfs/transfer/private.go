package transfer

import (
	"os"
	"path/filepath"
	"strings"

	"lambdabase/internal/flock"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// privatePrefix begins the names of directories that are one call's.
const privatePrefix = "private-"

// privateDir is one call's, in a directory where others write too. It is locked: one that isn't any more is of a process
// that was killed, and removed by whoever passes by.
type privateDir struct{ lock *os.File }

func newPrivateDir(dir string) (*privateDir, error) {
	name, err := os.MkdirTemp(dir, privatePrefix)
	if err != nil {
		return nil, err
	}
	lock, err := lockDir(name)
	if err != nil {
		os.Remove(name)
		return nil, err
	}
	return &privateDir{lock}, nil
}

func (p *privateDir) name() string { return p.lock.Name() }

func (p *privateDir) remove() {
	os.RemoveAll(p.name())
	p.lock.Close()
}

// lockDir fails where somebody else has the lock, or has removed the directory.
func lockDir(name string) (*os.File, error) {
	dir, err := os.OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	locked, err := flock.TryLock(dir)
	switch {
	case err == nil && !locked:
		err = errors.New("somebody else holds it")
	case err == nil && !isLinked(dir):
		err = errors.New("it is gone")
	}
	if err != nil {
		dir.Close()
		return nil, errors.Wrapf(err, "lock of %s", name)
	}
	return dir, nil
}

// removeAbandoned removes what processes that were killed left. What can't be removed is nobody's loss.
func removeAbandoned(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), privatePrefix) {
			continue
		}
		if lock, err := lockDir(filepath.Join(dir, e.Name())); err == nil {
			(&privateDir{lock}).remove()
		}
	}
}
