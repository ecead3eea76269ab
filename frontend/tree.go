package frontend

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"lambdabase/internal/rootfs"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// maxTextSize is the size in bytes that no recipe, or other text that is read whole, comes near to; upstream's have less than 2 KB.
const maxTextSize = 256 << 10

// tree is the tree of a commit. It follows no symlink: what a name on the branch says is what is read.
type tree struct {
	ref  gateway.Reference
	mu   sync.Mutex
	dirs map[string]map[string]*fstypes.Stat

	commits sync.Map // by id: the objects of commits that were read
}

// readDir lists a directory of the tree, by name.
func (t *tree) readDir(ctx context.Context, dir string) (map[string]*fstypes.Stat, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if entries, ok := t.dirs[dir]; ok {
		return entries, nil
	}
	list, err := rootfs.List(ctx, t.ref, dir)
	if err != nil {
		return nil, errors.Wrap(err, "commit")
	}
	entries := make(map[string]*fstypes.Stat, len(list))
	for _, e := range list {
		entries[path.Base(e.Path)] = e
	}
	if dir == "." {
		delete(entries, ".git") // git's own, and none of the commit's files
	}
	if t.dirs == nil {
		t.dirs = map[string]map[string]*fstypes.Stat{}
	}
	t.dirs[dir] = entries
	return entries, nil
}

// lookup finds a file or directory; nil without an error says that there is none.
func (t *tree) lookup(ctx context.Context, name string) (*fstypes.Stat, error) {
	dir := "."
	var found *fstypes.Stat
	for part := range strings.SplitSeq(name, "/") {
		if found != nil && !os.FileMode(found.Mode).IsDir() {
			return nil, errors.Errorf("%s is no folder", dir)
		}
		entries, err := t.readDir(ctx, dir)
		if err != nil {
			return nil, err
		}
		dir = path.Join(dir, part)
		if found = entries[part]; found == nil {
			return nil, nil
		}
		if os.FileMode(found.Mode)&os.ModeSymlink != 0 {
			return nil, errors.Errorf("%s is a symlink, which may point anywhere", dir)
		}
	}
	return found, nil
}

// names are the names of the files in a directory, sorted; none where there is no such directory.
func (t *tree) names(ctx context.Context, dir string) ([]string, error) {
	if dir != "." {
		st, err := t.lookup(ctx, dir)
		if err != nil || st == nil || !rootfs.IsDir(st) {
			return nil, err
		}
	}
	entries, err := t.readDir(ctx, dir)
	names := slices.Sorted(maps.Keys(entries))
	return slices.DeleteFunc(names, func(name string) bool { return rootfs.IsDir(entries[name]) }), err
}

// readFile reads a plain file of at most limit bytes.
func (t *tree) readFile(ctx context.Context, name string, limit int64) ([]byte, error) {
	st, err := t.lookup(ctx, name)
	if err != nil {
		return nil, err
	}
	if st == nil {
		return nil, errors.Errorf("%s doesn't exist", name)
	}
	if !os.FileMode(st.Mode).IsRegular() {
		return nil, errors.Errorf("%s is no plain file", name)
	}
	if st.Size > limit {
		return nil, errors.WithStack(&fileTooLargeError{name: name, size: st.Size, limit: limit})
	}
	dt, err := t.ref.ReadFile(ctx, gateway.ReadRequest{Filename: name})
	return dt, errors.Wrap(err, name)
}

// fileTooLargeError is a file that is larger than what it is read as can be.
type fileTooLargeError struct {
	name        string
	size, limit int64
}

func (e *fileTooLargeError) Error() string {
	return fmt.Sprintf("%s has %d bytes, at most %d are expected", e.name, e.size, e.limit)
}
