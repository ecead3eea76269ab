package embedded

import (
	"os"

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
