package embedded

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/moby/buildkit/identity"
	"github.com/moby/buildkit/util/bklog"
	"github.com/moby/sys/userns"
	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

const (
	layoutVersion = 2

	versionFile = "version" // of the layout, and the snapshotter
	stateFile   = "state"   // how the last process left the cache
	cacheSubdir = "cache"
	runSubdir   = "run" // a file system in memory, which goes with the process
	stalePrefix = "gone-"
)

// cacheDir is a folder with a cache, held by this process.
type cacheDir struct {
	path        string
	lock        *lock
	snapshotter string
	boot        string // of the machine
	unclean     bool   // something may be left of what was broken off before
	gitFailed   bool   // git repositories may lack something
	onReset     func(string)
}

// openCacheDir waits for the root and makes it ready.
func openCacheDir(ctx context.Context, o Options) (*cacheDir, error) {
	path, err := ensureRoot(o.Root)
	if err != nil {
		return nil, err
	}
	lock, err := acquireLock(ctx, path, o.OnWait)
	if err != nil {
		return nil, err
	}
	r := &cacheDir{path: path, lock: lock, onReset: o.OnReset}
	if o.Pruning {
		err = r.freeReserve()
	}
	if err == nil && o.Discard {
		err = r.discardFull(o.OnDiscard)
	}
	if err == nil {
		err = r.prepare(o.Snapshotter)
	}
	if err != nil {
		_ = lock.release()
		return nil, err
	}
	if !o.Pruning {
		r.allocateReserve() // before the first build, which may fill the disk
	}
	return r, nil
}

// ensureRoot makes the folder. That of another user is refused: what this one leaves there, the other couldn't use.
func ensureRoot(path string) (string, error) {
	var err error
	if path == "" {
		path, err = DefaultRoot()
	} else {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", errors.Wrap(err, "folder of the cache")
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", errors.Wrap(err, "folder of the cache")
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return "", errors.Errorf("folder of the cache %s belongs to another user: %s names another folder", path, rootEnv)
	}
	return path, nil
}

func (r *cacheDir) join(names ...string) string {
	return filepath.Join(append([]string{r.path}, names...)...)
}

// prepare brings the cache to the layout of this version, and makes the folder in memory.
func (r *cacheDir) prepare(snapshotter string) error {
	layout, err := r.readLayout()
	if err != nil {
		return err
	}
	if r.snapshotter, err = chooseSnapshotter(r.path, snapshotter, layout, checkOverlay); err != nil {
		return err
	}
	if r.boot, err = bootID(); err != nil {
		return err
	}
	reason, err := r.resetReason(layout)
	switch {
	case err != nil:
		return err
	case reason != "":
		err = r.reset(reason)
	default:
		err = r.create("")
	}
	if err != nil {
		return err
	}
	return errors.Wrap(unix.Mount("tmpfs", r.join(runSubdir), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0700"), "folder in memory")
}

// resetReason returns why the cache that is there can't be used, if there is one. What can't be read at the moment is no
// reason.
func (r *cacheDir) resetReason(layout string) (string, error) {
	if _, err := os.Stat(r.join(cacheSubdir)); errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	s, err := r.readState()
	r.unclean, r.gitFailed = s.unclean(), s.gitFailed()
	switch {
	case layout != r.layout():
		return fmt.Sprintf("its layout is %q in place of %q", layout, r.layout()), nil
	case errors.As(err, new(corruptError)):
		return fmt.Sprintf("how it was left is not known (file %s: %v)", stateFile, err), nil
	case err != nil:
		return "", err
	case s.maybeCorrupt(r.boot):
		return "the machine went down while it was in use, or before it was written to the disk", nil
	}
	copied, err := r.isCopy(s)
	if err != nil || !copied {
		return "", err
	}
	return "it is a copy, or one was written over it, and copies may lack owners and attributes of files (to take a cache along, use --cache-to and --cache-from)", nil
}

// create makes what a cache dir has, and removes what it had. The cache is in use from here on. A new one may be made already.
func (r *cacheDir) create(fresh string) error {
	layout, err := r.readLayout()
	if err != nil {
		return err
	}
	if layout != r.layout() {
		if err := os.WriteFile(r.join(versionFile), []byte(r.layout()+"\n"), 0o600); err != nil {
			return errors.WithStack(err)
		}
	}
	if err := r.writeState(cacheState{Open: true, Boot: r.boot}); err != nil {
		return err
	}
	if fresh != "" {
		if err := os.Rename(fresh, r.join(cacheSubdir)); err != nil {
			return errors.WithStack(err)
		}
	}
	for _, dir := range []string{cacheSubdir, runSubdir} {
		if err := os.MkdirAll(r.join(dir), 0o700); err != nil {
			return errors.WithStack(err)
		}
	}
	return r.removeStale()
}

// readLayout returns the layout of the cache that is there.
func (r *cacheDir) readLayout() (string, error) {
	text, err := os.ReadFile(r.join(versionFile))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), errors.Wrap(err, "layout of the cache")
}

// layout returns the one that a cache must have to be used.
func (r *cacheDir) layout() string { return layoutOf(r.snapshotter) }

func layoutOf(snapshotter string) string {
	layout := fmt.Sprintf("%d %s", layoutVersion, snapshotter)
	if userns.RunningInUserNS() { // where overlayfs has attributes of another name, and others can't be written
		layout += " userns"
	}
	return layout
}

// reset begins a cache anew. The new one is made before the old one goes: on a full disk, that stays.
func (r *cacheDir) reset(reason string) error {
	fresh := r.join(stalePrefix + identity.NewID())
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return errors.Wrapf(err, "cache can't be begun anew, though %s", reason)
	}
	bklog.L.Warnf("cache in %s is thrown away: %s", r.path, reason)
	if r.onReset != nil {
		r.onReset(fmt.Sprintf("the cache in %s is begun anew: %s", r.path, reason))
	}
	r.unclean, r.gitFailed = false, false
	if err := os.Rename(r.join(cacheSubdir), r.join(stalePrefix+identity.NewID())); err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.WithStack(err)
	}
	return r.create(fresh)
}

// removeStale removes what was thrown away, or is left of a process that was killed, while others go on. What it can't finish
// is for the next process.
func (r *cacheDir) removeStale() error {
	stale, err := filepath.Glob(r.join(stalePrefix + "*"))
	go func() {
		for _, dir := range stale {
			if err := os.RemoveAll(dir); err != nil {
				bklog.L.Warnf("cache that was thrown away: %v", err)
			}
		}
	}()
	return errors.WithStack(err)
}

// close gives the root back. With an outcome, nothing is left to be written; without one the cache counts as in use.
func (r *cacheDir) close(o *buildTracker) error {
	var err error
	if o != nil {
		r.allocateReserve()
		err = r.writeFinalState(o)
	}
	_ = unix.Unmount(r.join(runSubdir), unix.MNT_DETACH) // the mount namespace ends with the process
	if unlock := r.lock.release(); err == nil {
		err = unlock
	}
	return err
}
