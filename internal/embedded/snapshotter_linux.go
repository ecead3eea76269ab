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

// chooseSnapshotter picks the one that is asked for, or that of the cache that is there, or the best.
func chooseSnapshotter(root, asked, layout string) (string, error) {
	switch asked {
	case Native:
		return Native, nil
	case Overlayfs:
		return Overlayfs, errors.Wrapf(tryOverlay(root), "no overlayfs in %s (the other snapshotter is %q)", root, Native)
	case "":
	default:
		return "", errors.Errorf("snapshotter %q is not %q or %q", asked, Overlayfs, Native)
	}
	if slices.Contains(strings.Fields(layout), Native) {
		return Native, nil
	}
	if err := tryOverlay(root); err != nil {
		bklog.L.Warnf("layers are copied, as there is no overlayfs in %s: %v", root, err)
		return Native, nil
	}
	return Overlayfs, nil
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
		return errors.Wrap(err, "mount")
	}
	defer func() {
		if unmount := unix.Unmount(merged, unix.MNT_DETACH); err == nil {
			err = errors.Wrap(unmount, "unmount")
		}
	}()
	return useOverlay(dir, attribute)
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
	if err := unix.Lstat(filepath.Join(upper, "file"), &whiteout); err != nil || whiteout.Mode&unix.S_IFMT != unix.S_IFCHR || whiteout.Rdev != 0 {
		return errors.Errorf("no whiteout in the place of a removed file: %v", err)
	}
	for _, f := range []func(string) error{os.Remove, func(name string) error { return os.Mkdir(name, 0o755) }} {
		if err := f(filepath.Join(merged, "folder")); err != nil {
			return errors.Wrap(err, "opaque folder")
		}
	}
	value := make([]byte, 1)
	if n, err := unix.Lgetxattr(filepath.Join(upper, "folder"), attribute, value); err != nil || n != 1 || value[0] != 'y' {
		return errors.Errorf("no %s on a folder made anew: %v", attribute, err)
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
