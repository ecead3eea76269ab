package embedded

import (
	"os"

	"github.com/moby/buildkit/identity"
	"github.com/moby/buildkit/util/bklog"
	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

const (
	reserveFile = "reserve"
	reserveSize = 8 << 20 // the pages that databases write anew where much is removed
)

// freeReserve lets who frees room have some: also what is removed from a database is written, at another place than before.
func (r *cacheDir) freeReserve() error {
	if err := os.Remove(r.join(reserveFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.WithStack(err)
	}
	return nil
}

// discardFull removes a cache of which nothing is to stay, where the disk has no room to write down what is removed of it.
// It is moved away first: a half of it would pass for a cache.
func (r *cacheDir) discardFull(onDiscard func(freed int64)) error {
	before, err := freeBytes(r.path)
	if err != nil || before >= reserveSize {
		return err
	}
	gone := r.join(stalePrefix + identity.NewID())
	if err := os.Rename(r.join(cacheSubdir), gone); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return errors.WithStack(err)
	}
	if err := os.RemoveAll(gone); err != nil {
		return errors.Wrap(err, "cache that is thrown away")
	}
	after, err := freeBytes(r.path)
	if onDiscard != nil {
		onDiscard(max(0, after-before))
	}
	return err
}

func freeBytes(path string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, errors.WithStack(err)
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// allocateReserve takes the room where there is enough: a disk that is full is known by others who write to it.
func (r *cacheDir) allocateReserve() {
	if _, err := os.Stat(r.join(reserveFile)); err == nil {
		return
	}
	file, err := os.OpenFile(r.join(reserveFile), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return
	}
	defer file.Close()
	if err := unix.Fallocate(int(file.Fd()), 0, 0, reserveSize); err != nil {
		bklog.L.Debugf("no room is kept for prune: %v", err)
		_ = os.Remove(file.Name())
	}
}
