package lfsstore

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"lambdabase/internal/flock"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// What a process leaves that failed, to be gone on with, stays for so long, and is at most so much, in bytes.
const (
	keepAge  = 48 * time.Hour // as buildkitd keeps what is easily had again
	keepSize = 1 << 30
)

// Prune removes files of a store, the oldest first: those for which this is wanted, given their age and the size of all
// that are still there. A part that somebody is fetching stays.
func Prune(dir string, wanted func(age time.Duration, total int64) bool) (freed int64, err error) {
	files, total, err := listFiles(dir)
	now := time.Now()
	for _, f := range files {
		if !wanted(now.Sub(f.ModTime()), total) {
			continue
		}
		removed, err := removeUnlocked(filepath.Join(dir, f.Name()))
		if err != nil {
			return freed, errors.Wrap(err, "LFS objects")
		}
		if removed {
			total, freed = total-f.Size(), freed+f.Size()
		}
	}
	return freed, err
}

// Size returns what the files of a store take, in bytes.
func Size(dir string) (int64, error) {
	_, total, err := listFiles(dir)
	return total, err
}

func listFiles(dir string) (files []fs.FileInfo, total int64, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			files, total = append(files, info), total+info.Size()
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	return files, total, errors.Wrap(err, "LFS objects")
}

// removeUnlocked leaves a part alone that is locked, as it is while it is fetched.
func removeUnlocked(name string) (bool, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		defer file.Close()
		if locked, _ := flock.TryLock(file); !locked {
			return false, nil
		}
	}
	err = os.RemoveAll(name) // a process that was killed may have left a directory
	return err == nil, err
}
