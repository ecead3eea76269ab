package embedded

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

// aliveFile is open in the inner process as long as the outer one lives.
const aliveFile = 3

// outer is the id of the outer process in the inner one, and 0 elsewhere.
var outer atomic.Int64

// hasSubordinates tells whether the inner process has subordinate ids.
var hasSubordinates atomic.Bool

// enter makes the inner process ready.
func enter(pid string) error {
	id, err := strconv.ParseInt(pid, 10, 64)
	if err != nil || id == 0 {
		return errors.Errorf("%s is no process id: unset it", innerEnv)
	}
	hasSubordinates.Store(os.Getenv(subordinatesEnv) != "")
	for _, name := range []string{innerEnv, subordinatesEnv} { // what this process runs is not isolated from it
		if err := os.Unsetenv(name); err != nil {
			return errors.WithStack(err)
		}
	}
	// A process that isn't in the foreground gets this signal where it reads from a terminal, /dev/tty perhaps. It would stop
	// any other one, but the first of a process namespace is not stopped: Linux would begin the read again, for ever. Where
	// the signal is ignored the read fails.
	signal.Ignore(unix.SIGTTIN)
	if err := followOuter(); err != nil {
		return err
	}
	if err := ownMounts(); err != nil {
		return err
	}
	outer.Store(id)
	return nil
}

// followOuter waits until the outer process is ready, and ends this one with it.
func followOuter() error {
	unix.CloseOnExec(aliveFile)
	alive := bufio.NewReader(os.NewFile(aliveFile, "outer process"))
	if _, err := alive.ReadString('\n'); err != nil {
		return errors.Wrap(err, "outer process")
	}
	go func() {
		// Pdeathsig was lost with the change of the user. It also ends a process that is stopped; but it belongs to a thread,
		// and comes too late if the outer process is gone already. The file tells that.
		runtime.LockOSThread()
		_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
		_, _ = alive.ReadByte()
		os.Exit(128 + int(unix.SIGKILL))
	}()
	return nil
}

// ownMounts makes mounts of this process invisible to others, while those of others still come and go here.
func ownMounts() error {
	inUserNS := userns.RunningInUserNS()
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return refusal(errors.Wrap(err, "own mounts"), inUserNS)
	}
	if os.Getpid() != 1 {
		return nil
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("proc", "/proc", "proc", flags, ""); err != nil {
		return refusal(errors.Wrap(err, "mount /proc"), inUserNS)
	}
	return nil
}
