package layercheck

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"lambdabase/internal/conflict"

	"github.com/pkg/errors"
	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
	"google.golang.org/protobuf/encoding/protowire"
)

// maxListing is how many bytes a listing may have in BuildKit's gateway (defaults.DefaultMaxSendMsgSize).
const maxListing = 16 << 20

// dir is a layer that is mounted. What stands in it is listed as BuildKit's gateway would, no further and no less: a directory
// that has no room in a message of the gateway's isn't listed here either.
type dir string

// List goes about it as ReadDir of BuildKit's cache/util/fsutil.go does.
func (d dir) List(ctx context.Context, name string) (entries []*fstypes.Stat, err error) {
	size := 0
	err = fsutil.Walk(ctx, filepath.Join(string(d), name), nil, func(_ string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		st, ok := info.Sys().(*fstypes.Stat)
		if !ok {
			return errors.Errorf("no listing: %T", info.Sys())
		}
		if size += protowire.SizeTag(1) + protowire.SizeBytes(st.SizeVT()); size > maxListing || !isUTF8(st) {
			return conflict.ErrUnlistable
		}
		entries = append(entries, st)
		if info.IsDir() {
			return filepath.SkipDir
		}
		return nil
	})
	return entries, err
}

func isUTF8(st *fstypes.Stat) bool {
	for name := range st.Xattrs {
		if !utf8.ValidString(name) {
			return false
		}
	}
	return utf8.ValidString(st.Path) && utf8.ValidString(st.Linkname)
}

// HasPath looks through all of the layer, unless it finds one before.
func (d dir) HasPath(_ context.Context, names int) (found bool, err error) {
	err = filepath.WalkDir(string(d), func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if rel := strings.TrimPrefix(name, string(d)); strings.Count(rel, "/") == names {
			found = true
			return filepath.SkipAll
		}
		return nil
	})
	return found, err
}

// lookup looks a path up; nil says that there is none. What a symlink on the way points to is not looked at.
func (d dir) lookup(name string) (found os.FileInfo, err error) {
	at := string(d)
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == '/' }) {
		if found != nil && !found.IsDir() {
			return nil, nil
		}
		at = filepath.Join(at, part)
		if found, err = os.Lstat(at); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// hasDir reports whether there is a directory of that path.
func (d dir) hasDir(name string) (bool, error) {
	if filepath.Clean(name) == "/" {
		return true, nil
	}
	st, err := d.lookup(name)
	return st != nil && st.IsDir(), err
}
