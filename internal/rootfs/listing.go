package rootfs

import (
	"context"
	"strings"

	fstypes "github.com/tonistiigi/fsutil/types"
)

// Listing is what is in a directory.
type Listing struct {
	Entries  []*fstypes.Stat
	Complete bool // else there is more, or may be, that BuildKit can't tell of
}

// ReadDir lists a directory, or nothing of one that BuildKit can't list.
func ReadDir(ctx context.Context, root DirReader, dir string) (Listing, error) {
	entries, err := readDir(ctx, root, dir)
	if IsUnlistable(err) {
		return Listing{}, nil
	}
	return Listing{Entries: entries, Complete: true}, err
}

// IsUnlistable tells the errors of a directory that is there, and whose listing has no room in a message of BuildKit's: it has
// a name, a symlink's target or an attribute's name that is no UTF-8, or it has too many.
func IsUnlistable(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "invalid UTF-8") || strings.Contains(err.Error(), "message larger than max"))
}
