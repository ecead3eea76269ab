package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/core/snapshots/storage"
	"github.com/containerd/containerd/v2/plugins/snapshots/native"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay/overlayutils"
	"github.com/moby/buildkit/util/bklog"
	"github.com/pkg/errors"
	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// chooseSnapshotter picks the one that is asked for, or that of the cache that is there, or the best. What fails for another
// reason than that there is no overlayfs, as on a full disk, takes no cache away.
func chooseSnapshotter(root, requested, layout string, check func(root string) error) (string, error) {
	switch {
	case requested == Native, requested == "" && slices.Contains(strings.Fields(layout), Native):
		return Native, nil
	case requested != "" && requested != Overlayfs:
		return "", errors.Errorf("snapshotter %q is not %q or %q", requested, Overlayfs, Native)
	}
	err := check(root)
	kept := layout == layoutOf(Overlayfs)
	switch {
	case err == nil:
		return Overlayfs, nil
	case kept && isDiskFull(err): // the trial's: to prune a cache takes hardly any
		bklog.L.Warnf("overlayfs is not tried in %s: %v", root, err)
		return Overlayfs, nil
	case kept:
		return "", errors.Wrapf(err, "the cache in %s is one of overlayfs, which fails there now (--snapshotter %s begins it anew)", root, Native)
	case requested == "" && errors.As(err, new(noOverlayError)):
		bklog.L.Warnf("layers are copied, as there is no overlayfs in %s: %v", root, err)
		return Native, nil
	}
	return "", errors.Wrapf(err, "no overlayfs in %s (the other snapshotter is %q)", root, Native)
}

// isDiskFull reports whether something failed because the disk is full. Of an overlay, Linux makes one that is read-only if
// there is no room for the folder that it makes in workdir.
func isDiskFull(err error) bool {
	return slices.ContainsFunc([]error{unix.ENOSPC, unix.EDQUOT, unix.EROFS}, func(full error) bool { return errors.Is(err, full) })
}

// noOverlayError is an error by which the kernel or the file system has no overlayfs as layers need it.
type noOverlayError struct{ error }

func (n noOverlayError) Unwrap() error { return n.error }

// unsupportedErrnos are what Linux answers where something isn't there, or isn't allowed; all else may go by.
var unsupportedErrnos = []error{
	unix.ENODEV, unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP, unix.EPERM, unix.EACCES,
	unix.ENOENT, unix.ENODATA, // of what an overlay ought to have made
}

// wrapNoOverlay makes errors of an overlay a noOverlayError, if that is what they mean.
func wrapNoOverlay(err error) error {
	if slices.ContainsFunc(unsupportedErrnos, func(lack error) bool { return errors.Is(err, lack) }) {
		return noOverlayError{err}
	}
	return err
}

// checkOverlay removes a file and makes a folder anew in an overlay, as layers do: to mount one is not enough. A user
// namespace has whiteouts since Linux 5.8 and attributes of its own since 5.11, and not every file system has both.
func checkOverlay(root string) (err error) {
	dir, err := os.MkdirTemp(root, stalePrefix)
	if err != nil {
		return errors.WithStack(err)
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"lower/folder", "upper", "work", "merged"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return errors.WithStack(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "lower/file"), nil, 0o600); err != nil {
		return errors.WithStack(err)
	}
	attribute, options, err := overlayOptions(dir)
	if err != nil {
		return err
	}
	merged := filepath.Join(dir, "merged")
	if err := unix.Mount("overlay", merged, "overlay", 0, options); err != nil {
		return wrapNoOverlay(errors.Wrap(err, "mount"))
	}
	defer func() {
		if unmount := unix.Unmount(merged, unix.MNT_DETACH); err == nil {
			err = errors.Wrap(unmount, "unmount")
		}
	}()
	return wrapNoOverlay(probeOverlay(dir, attribute))
}

// overlayOptions returns those of the snapshotter, with the attribute that hides what is below a folder.
func overlayOptions(dir string) (attribute, options string, err error) {
	options = fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", dir)
	users, err := overlayutils.NeedsUserXAttr(dir)
	if users {
		return "user.overlay.opaque", options + ",userxattr", err
	}
	return "trusted.overlay.opaque", options, errors.WithStack(err)
}

func probeOverlay(dir, attribute string) error {
	merged, upper := filepath.Join(dir, "merged"), filepath.Join(dir, "upper")
	if err := os.Remove(filepath.Join(merged, "file")); err != nil {
		return errors.Wrap(err, "whiteout")
	}
	var whiteout unix.Stat_t
	if err := unix.Lstat(filepath.Join(upper, "file"), &whiteout); err != nil {
		return errors.Wrap(err, "whiteout in the place of a removed file")
	}
	if whiteout.Mode&unix.S_IFMT != unix.S_IFCHR || whiteout.Rdev != 0 {
		return noOverlayError{errors.New("no whiteout in the place of a removed file")}
	}
	if err := os.Remove(filepath.Join(merged, "folder")); err != nil {
		return errors.Wrap(err, "whiteout of a folder")
	}
	err := os.Mkdir(filepath.Join(merged, "folder"), 0o755)
	if errors.Is(err, unix.EIO) { // which is Linux' word for no attributes here (fs/overlayfs/dir.c, ovl_set_opaque)
		return noOverlayError{errors.Wrap(err, "opaque folder")}
	}
	if err != nil {
		return errors.Wrap(err, "opaque folder")
	}
	value := make([]byte, 1)
	if _, err := unix.Lgetxattr(filepath.Join(upper, "folder"), attribute, value); err != nil {
		return errors.Wrapf(err, "%s of a folder made anew", attribute)
	}
	if value[0] != 'y' {
		return noOverlayError{errors.Errorf("%s of a folder made anew is %q", attribute, value)}
	}
	return nil
}

func newSnapshotter(name, dir string) (snapshots.Snapshotter, error) {
	if name == Native {
		return native.NewSnapshotter(dir)
	}
	meta, err := storage.NewMetaStore(filepath.Join(dir, "metadata.db"), func(o *bolt.Options) error {
		o.Timeout, o.NoSync = databaseTimeout, true
		return nil
	})
	if err != nil {
		return nil, err
	}
	return overlay.NewSnapshotter(dir, overlay.AsynchronousRemove, overlay.WithMetaStore(meta))
}
