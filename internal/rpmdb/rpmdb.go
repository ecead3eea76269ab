package rpmdb

import (
	"cmp"
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"lambdabase/internal/rootfs"

	"github.com/pkg/errors"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// Package is a package that is installed.
type Package struct {
	Name    string `json:"name"`
	Epoch   int    `json:"epoch,omitempty"`
	Version string `json:"version"`
	Release string `json:"release"`
	Arch    string `json:"arch"`
}

// EpochVersion returns the version as rpm writes it: after its epoch, if it has one.
func (p Package) EpochVersion() string {
	if p.Epoch == 0 {
		return p.Version
	}
	return strconv.Itoa(p.Epoch) + ":" + p.Version
}

func (p Package) compare(other Package) int {
	return cmp.Or(cmp.Compare(p.Name, other.Name), cmp.Compare(p.Arch, other.Arch), cmp.Compare(p.Epoch, other.Epoch),
		cmp.Compare(p.Version, other.Version), cmp.Compare(p.Release, other.Release))
}

// ErrNone is that a root filesystem has no database.
var ErrNone = errors.New("no rpm database in /var/lib/rpm")

// maxSize of a database, in bytes; those of Amazon Linux have 5 to 40 MB.
const maxSize = 256 << 20

// Read returns the packages that a root filesystem has installed, by name.
func Read(ctx context.Context, root rootfs.Reader) ([]Package, error) {
	name, err := find(ctx, root)
	if err != nil {
		return nil, err
	}
	packages, err := read(ctx, root, name)
	return packages, errors.Wrapf(err, "rpm database %s", name)
}

// find returns where the database is. The folder is another one in distributions that keep /var out of images.
func find(ctx context.Context, root rootfs.Reader) (string, error) {
	for _, name := range []string{"rpmdb.sqlite", "Packages"} {
		for _, dir := range []string{"/var/lib/rpm", "/usr/lib/sysimage/rpm"} {
			st, err := lookup(ctx, root, path.Join(dir, name))
			if err != nil {
				return "", errors.Wrap(err, "rpm database")
			}
			if st != nil {
				return path.Join(dir, name), nil
			}
		}
	}
	return "", errors.WithStack(ErrNone)
}

// lookup looks up a plain file.
func lookup(ctx context.Context, root rootfs.Reader, name string) (*fstypes.Stat, error) {
	st, err := rootfs.Lookup(ctx, root, name)
	if err != nil || st == nil || !rootfs.IsRegular(st) {
		return nil, err
	}
	return st, nil
}

func read(ctx context.Context, root rootfs.Reader, name string) ([]Package, error) {
	dir, err := os.MkdirTemp("", "lambdabase-rpmdb-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	// What was written last to a database of SQLite may be in a file beside it.
	for _, from := range []string{name, name + "-wal"} {
		if err := copyFile(ctx, root, from, filepath.Join(dir, path.Base(from))); err != nil {
			return nil, err
		}
	}
	packages, err := defaultLimits.parse(ctx, filepath.Join(dir, path.Base(name)))
	slices.SortFunc(packages, Package.compare)
	return packages, err
}

// copyFile copies a file, if it is there.
func copyFile(ctx context.Context, root rootfs.Reader, from, to string) error {
	st, err := lookup(ctx, root, from)
	if err != nil || st == nil {
		return err
	}
	if st.Size > maxSize {
		return errors.Errorf("%d bytes are too many, at most %d are read", st.Size, maxSize)
	}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := rootfs.Copy(ctx, f, root, from, st.Size); err != nil {
		return err
	}
	return f.Close()
}
