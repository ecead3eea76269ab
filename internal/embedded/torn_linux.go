package embedded

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// writeback is how long Linux may take to write a file to the disk by itself.
const writeback = time.Minute

// torn tells whether parts of the cache may be missing because the machine went down before they were on its disk. The end
// of a process does no harm, since what it wrote is in the memory of the machine, in an order that makes sense at any
// moment. On the disk the order is another: BuildKit syncs its databases but not the layers that they tell of.
func (r *root) torn() bool {
	info, err := os.Stat(r.in(stateFile))
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && tornAt(r.state(), time.Unix(stat.Ctim.Unix()), bootTime())
}

// tornAt knows when the state was written on this machine: a copy of a cache has the time of the copy.
func tornAt(state string, changed, boot time.Time) bool {
	if !changed.Before(boot) {
		return false
	}
	return state != isClosed || boot.Sub(changed) < writeback
}

func bootTime() time.Time {
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return time.Time{}
	}
	return time.Now().Add(-time.Duration(up.Nano()))
}
