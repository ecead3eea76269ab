// Package rootfs looks into root filesystems that BuildKit has: each directory is listed when something in it is asked for,
// so that looking at a path takes as long as its directories are large, however much there is beside it.
package rootfs

import (
	"context"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// DirReader lists directories. A gateway.Reference is one.
type DirReader interface {
	ReadDir(context.Context, gateway.ReadDirRequest) ([]*fstypes.Stat, error)
}

// Reader is a root filesystem, or a layer of one. A gateway.Reference is one.
type Reader interface {
	DirReader
	ReadFile(context.Context, gateway.ReadRequest) ([]byte, error)
}

// Empty has nothing in it.
type Empty struct{}

// ReadDir returns nothing.
func (Empty) ReadDir(context.Context, gateway.ReadDirRequest) ([]*fstypes.Stat, error) {
	return nil, nil
}

// ReadFile fails.
func (Empty) ReadFile(_ context.Context, req gateway.ReadRequest) ([]byte, error) {
	return nil, errors.Wrapf(os.ErrNotExist, "%s", req.Filename)
}

// Without returns a root filesystem without the paths, and what is in them, that hidden is true of.
func Without(root Reader, hidden func(name string) bool) Reader { return filtered{root, hidden} }

type filtered struct {
	Reader
	hidden func(name string) bool
}

func (f filtered) ReadDir(ctx context.Context, req gateway.ReadDirRequest) ([]*fstypes.Stat, error) {
	entries, err := f.Reader.ReadDir(ctx, req)
	return slices.DeleteFunc(slices.Clone(entries), func(st *fstypes.Stat) bool { return f.hidden(path.Join("/", req.Path, path.Base(st.Path))) }), err
}

// IsDir reports whether an entry is a directory.
func IsDir(st *fstypes.Stat) bool { return os.FileMode(st.Mode).IsDir() }

// IsRegular reports whether an entry is a plain file.
func IsRegular(st *fstypes.Stat) bool { return os.FileMode(st.Mode).IsRegular() }

// Lookup looks a path up; nil says that there is none. What a symlink on the way points to is not looked at.
func Lookup(ctx context.Context, root DirReader, name string) (*fstypes.Stat, error) {
	found, _, err := LookupLink(ctx, root, name)
	return found, err
}

// LookupLink is Lookup, and tells of a symlink on the way. It lists directories, as asking for a file that isn't there is an
// error in the daemon's log.
func LookupLink(ctx context.Context, root DirReader, name string) (found *fstypes.Stat, link string, err error) {
	found, dir := &fstypes.Stat{Mode: uint32(os.ModeDir)}, "/"
	for _, part := range split(name) {
		if os.FileMode(found.Mode)&os.ModeSymlink != 0 {
			return nil, dir, nil
		}
		if !IsDir(found) {
			return nil, "", nil
		}
		if found, err = find(ctx, root, dir, part); err != nil || found == nil {
			return nil, "", err
		}
		dir = path.Join(dir, part)
	}
	return found, "", nil
}

// split returns the names on a path, from the root on.
func split(name string) []string {
	return strings.FieldsFunc(path.Join("/", name), func(r rune) bool { return r == '/' })
}

// Walk calls visit with all that there is, by absolute path.
func Walk(ctx context.Context, root DirReader, visit func(name string, st *fstypes.Stat)) error {
	dirs := []string{"/"}
	for len(dirs) > 0 {
		dir := dirs[len(dirs)-1]
		dirs = dirs[:len(dirs)-1]
		entries, err := List(ctx, root, dir)
		if err != nil {
			return err
		}
		for _, st := range entries {
			name := path.Join(dir, path.Base(st.Path))
			visit(name, st)
			if IsDir(st) {
				dirs = append(dirs, name)
			}
		}
	}
	return nil
}

// partSize is how many bytes of a file are asked for at a time: a message of gRPC has room for 16 MB.
const partSize = 4 << 20

// Copy writes the first size bytes of a file, which are all of it as it was listed.
func Copy(ctx context.Context, w io.Writer, root Reader, name string, size int64) error {
	for offset := int64(0); offset < size; {
		dt, err := readPart(ctx, root, name, offset, size)
		if err != nil {
			return err
		}
		if _, err := w.Write(dt); err != nil {
			return err
		}
		offset += int64(len(dt))
	}
	return nil
}

// readPart reads the part of a file of size bytes that begins at an offset.
func readPart(ctx context.Context, root Reader, name string, offset, size int64) ([]byte, error) {
	part := int(min(partSize, size-offset))
	dt, err := root.ReadFile(ctx, gateway.ReadRequest{Filename: name, Range: &gateway.FileRange{Offset: int(offset), Length: part}})
	if err != nil {
		return nil, errors.Wrapf(err, "read %s", name)
	}
	if len(dt) != part {
		return nil, errors.Errorf("read %s: %d bytes at %d, where %d were to come", name, len(dt), offset, part)
	}
	return dt, nil
}
