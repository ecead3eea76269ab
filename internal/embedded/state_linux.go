package embedded

import (
	"encoding/json"
	"os"
	"strings"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// bootFile is the kernel's name for the time since the machine was started; it is the same in every container.
const bootFile = "/proc/sys/kernel/random/boot_id"

// cacheState is what a process tells the next one of the cache.
type cacheState struct {
	Open   bool              `json:"open"`             // in use, or left by a process that was killed
	Failed bool              `json:"failed,omitempty"` // something was broken off, by which parts may be half made
	Boot   string            `json:"boot,omitempty"`   // the boot since which not all is on the disk; empty: all is
	Files  map[string]fileID `json:"files"`
}

// unclean tells whether something may be left of what was broken off.
func (s cacheState) unclean() bool { return s.Open || s.Failed }

// torn tells whether parts of the cache may be missing because the machine went down before they were on its disk. The end
// of a process does no harm, since what it wrote is in the memory of the machine, in an order that makes sense at any
// moment. On the disk the order is another: BuildKit syncs databases, at best, but not the layers that they tell of.
func (s cacheState) torn(boot string) bool {
	return s.Boot != "" && s.Boot != boot
}

func bootID() (string, error) {
	text, err := os.ReadFile(bootFile)
	return strings.TrimSpace(string(text)), errors.Wrap(err, "boot of the machine")
}

// readState is the state of the cache that is there.
func (r *root) readState() (s cacheState, err error) {
	text, err := os.ReadFile(r.in(stateFile))
	if err != nil {
		return s, errors.WithStack(err)
	}
	return s, errors.WithStack(json.Unmarshal(text, &s))
}

// mark tells the next process how this one leaves the cache. It is on the disk when it returns: a cache must not change
// under a state that says that it is whole.
func (r *root) mark(s cacheState) error {
	s.Files = r.fileIDs()
	text, err := json.Marshal(s)
	if err != nil {
		return errors.WithStack(err)
	}
	file, err := os.OpenFile(r.in(stateFile), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return errors.WithStack(err)
	}
	defer file.Close()
	if _, err := file.Write(append(text, '\n')); err != nil {
		return errors.WithStack(err)
	}
	return errors.WithStack(file.Sync())
}

// settle marks the cache as closed, once all of it is on the disk. Who broke a build off doesn't wait for that.
func (r *root) settle(o *outcome) error {
	s := cacheState{Failed: o.failed.Load(), Boot: r.boot}
	if !o.canceled.Load() {
		if err := r.sync(); err != nil {
			return err
		}
		s.Boot = ""
	}
	return r.mark(s)
}

// sync brings layers, blobs and databases to the disk, and whatever else is on that file system: one by one, its many
// small files would take many times as long.
func (r *root) sync() error {
	dir, err := os.Open(r.in(cacheFolder))
	if err != nil {
		return errors.WithStack(err)
	}
	defer dir.Close()
	return errors.Wrap(unix.Syncfs(int(dir.Fd())), "sync of the cache")
}
