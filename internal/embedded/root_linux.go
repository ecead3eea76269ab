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
	cacheFolder = "cache"
	runFolder   = "run" // a file system in memory, which goes with the process
	gonePrefix  = "gone-"
)

// root is a folder with a cache, held by this process.
type root struct {
	path        string
	lock        *lock
	snapshotter string
	boot        string // of the machine
	unclean     bool   // something may be left of what was broken off before
	gitFailed   bool   // git repositories may lack something
	notice      func(string)
}

// openRoot waits for the root and makes it ready.
func openRoot(ctx context.Context, o Options) (*root, error) {
	path, err := makeRoot(o.Root)
	if err != nil {
		return nil, err
	}
	lock, err := take(ctx, path, o.Waiting)
	if err != nil {
		return nil, err
	}
	r := &root{path: path, lock: lock, notice: o.Notice}
	if o.Freeing {
		err = r.openReserve()
	}
	if err == nil {
		err = r.prepare(o.Snapshotter)
	}
	if err != nil {
		_ = lock.release()
		return nil, err
	}
	return r, nil
}

// makeRoot makes the folder. That of another user is refused: what this one leaves there, the other couldn't use.
func makeRoot(path string) (string, error) {
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

func (r *root) in(names ...string) string {
	return filepath.Join(append([]string{r.path}, names...)...)
}

// prepare brings the cache to the layout of this version, and makes the folder in memory.
func (r *root) prepare(snapshotter string) error {
	was, err := r.found()
	if err != nil {
		return err
	}
	if r.snapshotter, err = chooseSnapshotter(r.path, snapshotter, was, tryOverlay); err != nil {
		return err
	}
	if r.boot, err = bootID(); err != nil {
		return err
	}
	why, err := r.unusable(was)
	switch {
	case err != nil:
		return err
	case why != "":
		err = r.renew(why)
	default:
		err = r.make("")
	}
	if err != nil {
		return err
	}
	return errors.Wrap(unix.Mount("tmpfs", r.in(runFolder), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0700"), "folder in memory")
}

// unusable says why the cache that is there can't be used, if there is one. What can't be read at the moment is no reason.
func (r *root) unusable(was string) (string, error) {
	if _, err := os.Stat(r.in(cacheFolder)); errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	s, err := r.readState()
	r.unclean, r.gitFailed = s.unclean(), s.gitFailed()
	switch {
	case was != r.layout():
		return fmt.Sprintf("its layout is %q in place of %q", was, r.layout()), nil
	case errors.As(err, new(damaged)):
		return fmt.Sprintf("how it was left is not known (file %s: %v)", stateFile, err), nil
	case err != nil:
		return "", err
	case s.torn(r.boot):
		return "the machine went down while it was in use, or before it was written to the disk", nil
	}
	copied, err := r.copied(s)
	if err != nil || !copied {
		return "", err
	}
	return "it is a copy, or one was written over it, and copies may lack owners and attributes of files (to take a cache along, use --cache-to and --cache-from)", nil
}

// make makes what a root has, and removes what it had. The cache is in use from here on. A new one may be made already.
func (r *root) make(fresh string) error {
	was, err := r.found()
	if err != nil {
		return err
	}
	if was != r.layout() {
		if err := os.WriteFile(r.in(versionFile), []byte(r.layout()+"\n"), 0o600); err != nil {
			return errors.WithStack(err)
		}
	}
	if err := r.mark(cacheState{Open: true, Boot: r.boot}); err != nil {
		return err
	}
	if fresh != "" {
		if err := os.Rename(fresh, r.in(cacheFolder)); err != nil {
			return errors.WithStack(err)
		}
	}
	for _, folder := range []string{cacheFolder, runFolder} {
		if err := os.MkdirAll(r.in(folder), 0o700); err != nil {
			return errors.WithStack(err)
		}
	}
	return r.sweep()
}

// found is the layout of the cache that is there.
func (r *root) found() (string, error) {
	text, err := os.ReadFile(r.in(versionFile))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), errors.Wrap(err, "layout of the cache")
}

// layout is the one that a cache must have to be used.
func (r *root) layout() string { return layoutOf(r.snapshotter) }

func layoutOf(snapshotter string) string {
	layout := fmt.Sprintf("%d %s", layoutVersion, snapshotter)
	if userns.RunningInUserNS() { // where overlayfs has attributes of another name, and others can't be written
		layout += " userns"
	}
	return layout
}

// renew begins a cache anew. The new one is made before the old one goes: on a full disk, that stays.
func (r *root) renew(why string) error {
	fresh := r.in(gonePrefix + identity.NewID())
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return errors.Wrapf(err, "cache can't be begun anew, though %s", why)
	}
	bklog.L.Warnf("cache in %s is thrown away: %s", r.path, why)
	if r.notice != nil {
		r.notice(fmt.Sprintf("the cache in %s is begun anew: %s", r.path, why))
	}
	r.unclean, r.gitFailed = false, false
	if err := os.Rename(r.in(cacheFolder), r.in(gonePrefix+identity.NewID())); err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.WithStack(err)
	}
	return r.make(fresh)
}

// sweep removes what was thrown away, or is left of a process that was killed, while others go on. What it can't finish
// is for the next process.
func (r *root) sweep() error {
	gone, err := filepath.Glob(r.in(gonePrefix + "*"))
	go func() {
		for _, folder := range gone {
			if err := os.RemoveAll(folder); err != nil {
				bklog.L.Warnf("cache that was thrown away: %v", err)
			}
		}
	}()
	return errors.WithStack(err)
}

// close gives the root back. With an outcome, nothing is left to be written; without one the cache counts as in use.
func (r *root) close(o *outcome) error {
	var err error
	if o != nil {
		r.keepReserve()
		err = r.settle(o)
	}
	_ = unix.Unmount(r.in(runFolder), unix.MNT_DETACH) // the mount namespace ends with the process
	if unlock := r.lock.release(); err == nil {
		err = unlock
	}
	return err
}
