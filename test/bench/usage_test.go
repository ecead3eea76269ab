package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pkg/errors"
)

// usage is what processes took.
type usage struct {
	cpu    time.Duration
	memory int64 // the most that one of them had, in bytes
}

// add adds a process that has ended, with all that it ran and waited for.
func (u *usage) add(state *os.ProcessState) {
	u.cpu += state.UserTime() + state.SystemTime()
	if r, ok := state.SysUsage().(*syscall.Rusage); ok {
		u.memory = max(u.memory, r.Maxrss<<10)
	}
}

// usageOf is what a process took so far, with all that it ran and waited for. Its peak of memory begins anew.
func usageOf(pid int) (u usage, err error) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return u, err
	}
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		return u, err
	}
	if u.cpu, err = cpuTime(string(stat)); err != nil {
		return u, err
	}
	u.memory = peakMemory(string(status))
	return u, os.WriteFile(dir+"clear_refs", []byte("5"), 0)
}

// cpuTime reads utime, stime, cutime and cstime of /proc/PID/stat, which are hundredths of a second.
func cpuTime(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:]) // behind the name, which may have any characters
	if len(fields) < 15 {
		return 0, errors.Errorf("malformed stat of a process: %s", stat)
	}
	var sum time.Duration
	for _, field := range fields[11:15] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, errors.Wrap(err, "stat of a process")
		}
		sum += time.Duration(ticks) * 10 * time.Millisecond
	}
	return sum, nil
}

func peakMemory(status string) int64 {
	var kilobytes int64
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			_, _ = fmt.Sscan(value, &kilobytes)
		}
	}
	return kilobytes << 10
}
