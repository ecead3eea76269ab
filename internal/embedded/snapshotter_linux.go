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
func chooseSnapshotter(root, asked, found string, try func(root string) error) (string, error) {
	switch {
	case asked == Native, asked == "" && slices.Contains(strings.Fields(found), Native):
		return Native, nil
	case asked != "" && asked != Overlayfs:
		return "", errors.Errorf("snapshotter %q is not %q or %q", asked, Overlayfs, Native)
	}
	err := try(root)
	kept := found == layoutOf(Overlayfs)
	switch {
	case err == nil:
		return Overlayfs, nil
	case kept && noRoom(err): // the trial's: to prune a cache takes hardly any
		bklog.L.Warnf("overlayfs is not tried in %s: %v", root, err)
		return Overlayfs, nil
	case kept:
		return "", errors.Wrapf(err, "the cache in %s is one of overlayfs, which fails there now (--snapshotter %s begins it anew)", root, Native)
	case asked == "" && errors.As(err, new(noOverlay)):
		bklog.L.Warnf("layers are copied, as there is no overlayfs in %s: %v", root, err)
		return Native, nil
	}
	return "", errors.Wrapf(err, "no overlayfs in %s (the other snapshotter is %q)", root, Native)
}

// noRoom tells whether something failed because the disk is full. Of an overlay, Linux makes one that is read-only if there
// is no room for the folder that it makes in workdir.
func noRoom(err error) bool {
	return slices.ContainsFunc([]error{unix.ENOSPC, unix.EDQUOT, unix.EROFS}, func(full error) bool { return errors.Is(err, full) })
}

// noOverlay is an error by which the kernel or the file system has no overlayfs as layers need it.
type noOverlay struct{ error }

func (n noOverlay) Unwrap() error { return n.error }

// lacks are what Linux answers where something isn't there, or isn't allowed; all else may go by.
var lacks = []error{
	unix.ENODEV, unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP, unix.EPERM, unix.EACCES,
	unix.ENOENT, unix.ENODATA, // of what an overlay ought to have made
}

// judge makes errors of an overlay a noOverlay, if that is what they mean.
func judge(err error) error {
	if slices.ContainsFunc(lacks, func(lack error) bool { return errors.Is(err, lack) }) {
		return noOverlay{err}
	}
	return err
}

// tryOverlay removes a file and makes a folder anew in an overlay, as layers do: to mount one is not enough. A user
// namespace has whiteouts since Linux 5.8 and attributes of its own since 5.11, and not every file system has both.
func tryOverlay(root string) (err error) {
	dir, err := os.MkdirTemp(root, gonePrefix)
	if err != nil {
		return errors.WithStack(err)
	}
	defer os.RemoveAll(dir)
	for _, folder := range []string{"lower/folder", "upper", "work", "merged"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
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
		return judge(errors.Wrap(err, "mount"))
	}
	defer func() {
		if unmount := unix.Unmount(merged, unix.MNT_DETACH); err == nil {
			err = errors.Wrap(unmount, "unmount")
		}
	}()
	return judge(useOverlay(dir, attribute))
}

// overlayOptions are those of the snapshotter, with the attribute that hides what is below a folder.
func overlayOptions(dir string) (attribute, options string, err error) {
	options = fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", dir)
	users, err := overlayutils.NeedsUserXAttr(dir)
	if users {
		return "user.overlay.opaque", options + ",userxattr", err
	}
	return "trusted.overlay.opaque", options, errors.WithStack(err)
}

func useOverlay(dir, attribute string) error {
	merged, upper := filepath.Join(dir, "merged"), filepath.Join(dir, "upper")
	if err := os.Remove(filepath.Join(merged, "file")); err != nil {
		return errors.Wrap(err, "whiteout")
	}
	var whiteout unix.Stat_t
	if err := unix.Lstat(filepath.Join(upper, "file"), &whiteout); err != nil {
		return errors.Wrap(err, "whiteout in the place of a removed file")
	}
	if whiteout.Mode&unix.S_IFMT != unix.S_IFCHR || whiteout.Rdev != 0 {
		return noOverlay{errors.New("no whiteout in the place of a removed file")}
	}
	if err := os.Remove(filepath.Join(merged, "folder")); err != nil {
		return errors.Wrap(err, "whiteout of a folder")
	}
	err := os.Mkdir(filepath.Join(merged, "folder"), 0o755)
	if errors.Is(err, unix.EIO) { // which is Linux' word for no attributes here (fs/overlayfs/dir.c, ovl_set_opaque)
		return noOverlay{errors.Wrap(err, "opaque folder")}
	}
	if err != nil {
		return errors.Wrap(err, "opaque folder")
	}
	value := make([]byte, 1)
	if _, err := unix.Lgetxattr(filepath.Join(upper, "folder"), attribute, value); err != nil {
		return errors.Wrapf(err, "%s of a folder made anew", attribute)
	}
	if value[0] != 'y' {
		return noOverlay{errors.Errorf("%s of a folder made anew is %q", attribute, value)}
	}
	return nil
}

func newSnapshotter(name, folder string) (snapshots.Snapshotter, error) {
	if name == Native {
		return native.NewSnapshotter(folder)
	}
	meta, err := storage.NewMetaStore(filepath.Join(folder, "metadata.db"), func(o *bolt.Options) error {
		o.Timeout, o.NoSync = databaseTimeout, true
		return nil
	})
	if err != nil {
		return nil, err
	}
	return overlay.NewSnapshotter(folder, overlay.AsynchronousRemove, overlay.WithMetaStore(meta))
}
