package isolate

import (
	"bufio"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"sync/atomic"

	"github.com/moby/sys/userns"
	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// parentPipe is open in the child as long as the parent lives.
const parentPipe = 3

// parentPID is the id of the parent in the child, and 0 elsewhere.
var parentPID atomic.Int64

// ParentPID returns the id of the parent, which is the process that the user sees, in a process that is isolated; else 0.
func ParentPID() int { return int(parentPID.Load()) }

// hasSubIDs reports whether the child has subordinate ids.
var hasSubIDs atomic.Bool

// initChild makes the child ready.
func initChild(pid string) error {
	id, err := strconv.ParseInt(pid, 10, 64)
	if err != nil || id == 0 {
		return errors.Errorf("%s is no process id: unset it", childEnv)
	}
	hasSubIDs.Store(os.Getenv(subIDsEnv) != "")
	for _, name := range []string{childEnv, subIDsEnv} { // what this process runs is not isolated from it
		if err := os.Unsetenv(name); err != nil {
			return errors.WithStack(err)
		}
	}
	// A process that isn't in the foreground gets this signal where it reads from a terminal, /dev/tty perhaps. It would stop
	// any other one, but the first of a process namespace is not stopped: Linux would begin the read again, for ever. Where
	// the signal is ignored the read fails.
	signal.Ignore(unix.SIGTTIN)
	if err := followParent(); err != nil {
		return err
	}
	if err := isolateMounts(); err != nil {
		return err
	}
	parentPID.Store(id)
	return nil
}

// followParent waits until the parent is ready, and ends this one with it.
func followParent() error {
	unix.CloseOnExec(parentPipe)
	parent := bufio.NewReader(os.NewFile(parentPipe, "outer process"))
	if _, err := parent.ReadString('\n'); err != nil {
		return errors.Wrap(err, "outer process")
	}
	go func() {
		// Pdeathsig was lost with the change of the user. It also ends a process that is stopped; but it belongs to a thread,
		// and comes too late if the parent is gone already. The file tells that.
		runtime.LockOSThread()
		_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
		_, _ = parent.ReadByte()
		os.Exit(128 + int(unix.SIGKILL))
	}()
	return nil
}

// isolateMounts makes mounts of this process invisible to others, while those of others still come and go here.
func isolateMounts() error {
	inUserNS := userns.RunningInUserNS()
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return namespaceError(errors.Wrap(err, "own mounts"), inUserNS)
	}
	if os.Getpid() != 1 {
		return nil
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("proc", "/proc", "proc", flags, ""); err != nil {
		return namespaceError(errors.Wrap(err, "mount /proc"), inUserNS)
	}
	return nil
}
