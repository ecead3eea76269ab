package embedded

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// bootFile is the kernel's name for the time since the machine was started; it is the same in every container.
const bootFile = "/proc/sys/kernel/random/boot_id"

// stateSize is more than a state takes: one that is written over another needs no more room.
const stateSize = 4096

// cacheState is what a process tells the next one of the cache.
type cacheState struct {
	Open   bool              `json:"open"`             // in use, or left by a process that was killed
	Failed bool              `json:"failed,omitempty"` // something was broken off, by which parts may be half made
	Git    bool              `json:"git,omitempty"`    // work on a git repository failed, or wasn't done
	Boot   string            `json:"boot,omitempty"`   // the boot since which not all is on the disk; empty: all is
	Self   fileID            `json:"self,omitzero"`    // the file with this state: a new one each time
	Files  map[string]fileID `json:"files"`
}

// unclean reports whether something may be left of what was broken off.
func (s cacheState) unclean() bool { return s.Open || s.Failed }

// gitFailed reports whether a git repository may lack something.
func (s cacheState) gitFailed() bool { return s.Open || s.Git }

// maybeCorrupt reports whether parts of the cache may be missing because the machine went down before they were on its disk.
// The end of a process does no harm, since what it wrote is in the memory of the machine, in an order that makes sense at any
// moment. On the disk the order is another: BuildKit syncs databases, at best, but not the layers that they tell of.
func (s cacheState) maybeCorrupt(boot string) bool {
	return s.Boot != "" && s.Boot != boot
}

func bootID() (string, error) {
	text, err := os.ReadFile(bootFile)
	return strings.TrimSpace(string(text)), errors.Wrap(err, "boot of the machine")
}

// readState returns the state of the cache that is there. It is damaged if it isn't one.
func (r *cacheDir) readState() (s cacheState, err error) {
	text, err := os.ReadFile(r.join(stateFile))
	if errors.Is(err, os.ErrNotExist) {
		return s, corruptError{err}
	}
	if err != nil {
		return s, errors.WithStack(err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return cacheState{}, corruptError{err}
	}
	return s, nil
}

// writeState tells the next process how this one leaves the cache. It is on the disk when it returns: a cache must not change
// under a state that says that it is whole. A process that is killed leaves the one before, or this one.
func (r *cacheDir) writeState(s cacheState) error {
	var err error
	if s.Files, err = r.fileIDs(!s.Open); err != nil {
		return err
	}
	next := r.join(stateFile + ".next")
	err = r.replaceState(s, next)
	if err == nil {
		return nil
	}
	_ = os.Remove(next)
	if isDiskFull(err) && r.overwriteState(s) == nil {
		return nil
	}
	return err
}

// replaceState writes another file: whoever copies an older one over it writes what is not true of this one.
func (r *cacheDir) replaceState(s cacheState, next string) error {
	if err := os.Remove(next); err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.WithStack(err)
	}
	file, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return errors.WithStack(err)
	}
	defer file.Close()
	if s.Self, err = readFileID(next); err != nil {
		return err
	}
	if err := writeStateFile(file, s, stateSize); err != nil {
		return err
	}
	if err := os.Rename(next, r.join(stateFile)); err != nil {
		return errors.WithStack(err)
	}
	return syncDir(r.path)
}

// overwriteState needs no room, so that a cache on a full disk can be pruned: what a file has, it keeps. A write within a
// block isn't torn by a kill. If the machine goes down then, a state that is torn tells of that.
func (r *cacheDir) overwriteState(s cacheState) error {
	file, err := os.OpenFile(r.join(stateFile), os.O_WRONLY, 0o600)
	if err != nil {
		return errors.WithStack(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return errors.WithStack(err)
	}
	if s.Self, err = readFileID(file.Name()); err != nil {
		return err
	}
	return writeStateFile(file, s, int(info.Size()))
}

// writeStateFile writes at least so many bytes, at once.
func writeStateFile(file *os.File, s cacheState, minSize int) error {
	s.Self.Changed = 0 // which the name is yet to come by
	text, err := json.Marshal(s)
	if err != nil {
		return errors.WithStack(err)
	}
	text = append(text, bytes.Repeat([]byte(" "), max(0, minSize-len(text)-1))...)
	if _, err := file.Write(append(text, '\n')); err != nil {
		return errors.WithStack(err)
	}
	return errors.WithStack(file.Sync())
}

// syncDir brings the names in a folder to the disk.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return errors.WithStack(err)
	}
	defer dir.Close()
	return errors.WithStack(dir.Sync())
}

// writeFinalState marks the cache as closed, once all of it is on the disk. Who broke a build off doesn't wait for that.
func (r *cacheDir) writeFinalState(o *buildTracker) error {
	s := cacheState{Failed: o.failed.Load() || o.collecting.Load(), Git: o.pendingGit.Load() > 0, Boot: r.boot}
	if !o.canceled.Load() {
		if err := r.syncFS(); err != nil {
			return err
		}
		s.Boot = ""
	}
	return r.writeState(s)
}

// syncFS brings layers, blobs and databases to the disk, and whatever else is on that file system: one by one, its many
// small files would take many times as long.
func (r *cacheDir) syncFS() error {
	dir, err := os.Open(r.join(cacheSubdir))
	if err != nil {
		return errors.WithStack(err)
	}
	defer dir.Close()
	return errors.Wrap(unix.Syncfs(int(dir.Fd())), "sync of the cache")
}
