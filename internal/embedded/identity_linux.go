package embedded

import (
	"maps"
	"os"

	"golang.org/x/sys/unix"
)

// fileID tells a file from its copies: they have another inode, or the same one born at another time. The number of the
// device is not part of it, as it may be another after the machine was started anew.
type fileID struct {
	Inode uint64 `json:"inode"`
	Born  int64  `json:"born,omitempty"` // in nanoseconds; 0: the file system doesn't say
}

// identityFiles are those that a cache is known by: whoever copies it, or brings a copy back, makes at least one of them
// anew. They are files, and not folders, the inodes of which change in containers (overlayfs). BuildKit writes into its
// databases, but never replaces them.
var identityFiles = []string{
	versionFile,
	cacheFolder + "/" + contentDB, cacheFolder + "/" + metadataDB, cacheFolder + "/" + snapshotDB,
}

// fileIDs are those of the files that are there.
func (r *root) fileIDs() map[string]fileID {
	ids := map[string]fileID{}
	for _, name := range identityFiles {
		if id, err := readFileID(r.in(name)); err == nil {
			ids[name] = id
		}
	}
	return ids
}

// copied tells whether the cache is not the one that was written, but a copy: most ways to copy (tar, the cache steps of
// CI, containers' images) lose owners or extended attributes, without which layers are others.
func (r *root) copied(s cacheState) bool {
	now := r.fileIDs()
	maps.DeleteFunc(now, func(name string, _ fileID) bool { _, known := s.Files[name]; return !known }) // made since
	return len(s.Files) == 0 || !maps.Equal(now, s.Files)
}

func readFileID(path string) (fileID, error) {
	var stat unix.Statx_t
	const wanted = unix.STATX_INO | unix.STATX_BTIME
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, wanted, &stat); err != nil {
		return fileID{}, &os.PathError{Op: "statx", Path: path, Err: err}
	}
	id := fileID{Inode: stat.Ino}
	if stat.Mask&unix.STATX_BTIME != 0 {
		id.Born = stat.Btime.Sec*1e9 + int64(stat.Btime.Nsec)
	}
	return id, nil
}
