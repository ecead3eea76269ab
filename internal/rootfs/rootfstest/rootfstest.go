// Package rootfstest has root filesystems for tests.
package rootfstest

import (
	"context"
	"os"
	"path"
	"sync/atomic"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// File is a file or, by its mode, something else.
type File struct {
	Mode os.FileMode // 0644 if it is 0
	Data string
	Link string
}

// Dir is a directory.
func Dir() File { return File{Mode: os.ModeDir | 0o755} }

// Link is a symlink.
func Link(target string) File { return File{Mode: os.ModeSymlink | 0o777, Link: target} }

// FS is a root filesystem by its absolute paths, directories too. It counts how often it is asked.
type FS struct {
	Files           map[string]File
	Listings, Reads atomic.Int32
}

// New returns a root filesystem.
func New(files map[string]File) *FS { return &FS{Files: files} }

// ReadDir is that of a gateway.Reference.
func (f *FS) ReadDir(_ context.Context, req gateway.ReadDirRequest) ([]*fstypes.Stat, error) {
	f.Listings.Add(1)
	dir := path.Join("/", req.Path)
	if at, ok := f.Files[dir]; dir != "/" && (!ok || !at.Mode.IsDir()) {
		return nil, errors.Errorf("open %s: not a directory", dir)
	}
	var list []*fstypes.Stat
	for name, file := range f.Files {
		if path.Dir(name) == dir {
			if file.Mode == 0 {
				file.Mode = 0o644
			}
			list = append(list, &fstypes.Stat{Path: path.Base(name), Mode: uint32(file.Mode), Size: int64(len(file.Data)), Linkname: file.Link})
		}
	}
	return list, nil
}

// ReadFile is that of a gateway.Reference.
func (f *FS) ReadFile(_ context.Context, req gateway.ReadRequest) ([]byte, error) {
	f.Reads.Add(1)
	file, ok := f.Files[path.Join("/", req.Filename)]
	if !ok {
		return nil, errors.Errorf("open %s: no such file or directory", req.Filename)
	}
	data := []byte(file.Data)
	if r := req.Range; r != nil {
		data = data[min(r.Offset, len(data)):]
		data = data[:min(r.Length, len(data))]
	}
	return data, nil
}
