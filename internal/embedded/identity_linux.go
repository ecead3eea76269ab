package embedded

import (
	"os"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// fileID tells a file from its copies: they have another inode, or the same one born at another time. A file that a copy
// was written over keeps both, but not the time of its last change. The number of the device is not part of it, as it may
// be another after the machine was started anew.
type fileID struct {
	Inode   uint64 `json:"inode"`
	Born    int64  `json:"born,omitempty"`    // in nanoseconds; 0: the file system doesn't say
	Changed int64  `json:"changed,omitempty"` // which nobody can set, as one can a time of modification; 0: it may change
}

// identityFiles are those that a cache is known by: whoever copies it, or brings a copy back, makes at least one of them
// anew. They are files, and not folders, the inodes of which change in containers (overlayfs). BuildKit writes into its
// databases, but never replaces them.
var identityFiles = []string{
	versionFile,
	cacheSubdir + "/" + contentDB, cacheSubdir + "/" + metadataDB, cacheSubdir + "/" + snapshotDB,
}

// fileIDs returns those of the files that are there. Of databases that are in use, nobody knows the last change.
func (r *cacheDir) fileIDs(closed bool) (map[string]fileID, error) {
	ids := map[string]fileID{}
	for _, name := range identityFiles {
		id, err := readFileID(r.join(name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if name != versionFile && !closed {
			id.Changed = 0
		}
		ids[name] = id
	}
	return ids, nil
}

// isCopy reports whether the cache is not the one that was written, but a copy: most ways to copy (tar, the cache steps of
// CI, containers' images) lose owners or extended attributes, without which layers are others. So do those that write into
// the files that are there (cp -r backup/. cache/, rsync --inplace), which leave what was made since, too. They may spare
// files of the same size and time, but the state is never the same twice.
func (r *cacheDir) isCopy(s cacheState) (bool, error) {
	now, err := r.fileIDs(true)
	if err != nil {
		return false, err
	}
	self, err := readFileID(r.join(stateFile))
	if err != nil {
		return false, err
	}
	for name, id := range s.Files {
		if !id.matches(now[name]) {
			return true, nil
		}
	}
	// That of an older version doesn't know itself.
	return len(s.Files) == 0 || s.Self != fileID{} && !s.Self.matches(self), nil
}

// matches reports whether a file is the one that was there, as far as is known.
func (id fileID) matches(now fileID) bool {
	return id.Inode == now.Inode && id.Born == now.Born && (id.Changed == 0 || id.Changed == now.Changed)
}

func readFileID(path string) (fileID, error) {
	var stat unix.Statx_t
	const wanted = unix.STATX_INO | unix.STATX_BTIME | unix.STATX_CTIME
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, wanted, &stat); err != nil {
		return fileID{}, &os.PathError{Op: "statx", Path: path, Err: err}
	}
	id := fileID{Inode: stat.Ino, Changed: nanoseconds(stat.Ctime)}
	if stat.Mask&unix.STATX_BTIME != 0 {
		id.Born = nanoseconds(stat.Btime)
	}
	return id, nil
}

func nanoseconds(t unix.StatxTimestamp) int64 { return t.Sec*1e9 + int64(t.Nsec) }
