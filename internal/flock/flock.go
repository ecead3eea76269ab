// Package flock locks files and directories for one process at a time. The kernel gives a lock back when its file is closed,
// however the process ends.
package flock

import (
	"context"
	"os"
	"time"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// pollInterval is how often a lock is tried: a call that waits for it can't be given up.
const pollInterval = 50 * time.Millisecond

// TryLock reports whether it took the lock: false where somebody else holds it.
func TryLock(file *os.File) (bool, error) {
	for {
		switch err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, unix.EINTR):
			return false, err
		}
	}
}

// Wait returns when it is time to try a lock again, or why there is no other attempt: ctx has ended.
func Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(pollInterval):
		return nil
	}
}
