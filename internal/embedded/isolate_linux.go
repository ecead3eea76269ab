package embedded

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/moby/sys/mountinfo"
	"github.com/pkg/errors"
)

// innerEnv tells the inner process that it is one; its value is the outer one's id.
const innerEnv = "LAMBDABASE_ISOLATED"

// Isolate runs this program again in namespaces of its own and waits for it, unless it already runs there. isolated
// tells that this is the inner process, which goes on; else exit is the exit code of the inner one, or 128 and the number
// of the signal that ended it. An error of the inner process is the inner one's to report.
//
// The inner process has a mount namespace, so that what is mounted goes with it however it ends, and a process namespace,
// so that what it started does. A user who is not root gets a user namespace too, root of which the user is; but no
// process namespace where parts of /proc are hidden, as in containers: there a program may outlive a kill.
//
// It is in a process group of its own, and gets the signals of the outer process from that one, each of them once; when
// ctx ends it gets SIGTERM. It dies with the outer process even if that is killed. The standard streams are inherited;
// only reading from a terminal fails, as it does for every process that is not in its foreground.
func Isolate(ctx context.Context) (isolated bool, exit int, err error) {
	if outer.Load() != 0 {
		return true, 0, nil
	}
	if pid, ok := os.LookupEnv(innerEnv); ok {
		return true, 0, enter(pid)
	}
	exit, err = runInner(ctx)
	return false, exit, err
}

func runInner(ctx context.Context) (int, error) {
	rootless := os.Geteuid() != 0
	var ids *subordinates
	if rootless {
		var err error
		if ids, err = findSubordinates(); err != nil {
			return 0, err
		}
	}
	alive, held, err := os.Pipe()
	if err != nil {
		return 0, errors.WithStack(err)
	}
	defer held.Close()
	cmd, err := innerCommand(alive, rootless)
	if err != nil {
		return 0, err
	}
	// What ends a child with its parent ends it with the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	signals := listen()
	defer signals.stop()
	err = cmd.Start()
	alive.Close()
	if err != nil {
		return 0, refusal(err, rootless)
	}
	go signals.pass(ctx, cmd.Process)
	if err := release(cmd.Process, ids, held); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return 0, err
	}
	return exitCode(cmd.Wait())
}

// innerCommand is this program, with the same arguments.
func innerCommand(alive *os.File, rootless bool) (*exec.Cmd, error) {
	cmd := exec.Command("/proc/self/exe") // also where the file was replaced meanwhile
	cmd.Args = os.Args
	cmd.Env = append(os.Environ(), innerEnv+"="+strconv.Itoa(os.Getpid()))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{alive} // aliveFile
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID}
	cmd.SysProcAttr = attr
	if !rootless {
		return cmd, nil
	}
	attr.Cloneflags |= syscall.CLONE_NEWUSER
	masked, err := procMasked()
	if err != nil {
		return nil, err
	}
	if masked {
		attr.Cloneflags &^= syscall.CLONE_NEWPID
	}
	// Nobody is mapped yet when the program starts, and to start one as nobody drops capabilities, but for the ambient ones.
	attr.AmbientCaps, err = allCapabilities()
	return cmd, err
}

// procMasked tells whether parts of /proc are hidden, as in containers. There Linux lets nobody but root mount another
// one, which is needed with a process namespace.
func procMasked() (bool, error) {
	below, err := mountinfo.GetMounts(mountinfo.PrefixFilter("/proc"))
	if err != nil {
		return false, errors.Wrap(err, "mounts")
	}
	for _, m := range below {
		// On an empty folder that is always there, a mount hides nothing.
		if m.Mountpoint != "/proc" && m.Mountpoint != "/proc/sys/fs/binfmt_misc" {
			return true, nil
		}
	}
	return false, nil
}

func allCapabilities() ([]uintptr, error) {
	text, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		return nil, errors.Wrap(err, "capabilities of the kernel")
	}
	last, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, errors.Wrap(err, "capabilities of the kernel")
	}
	all := make([]uintptr, last+1)
	for i := range all {
		all[i] = uintptr(i)
	}
	return all, nil
}

// release lets the inner process go on once its users are mapped. The file stays open as long as this process lives.
func release(inner *os.Process, ids *subordinates, held *os.File) error {
	if ids != nil {
		if err := ids.mapTo(inner.Pid); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(held, "go"); err != nil && !errors.Is(err, syscall.EPIPE) {
		return errors.Wrap(err, "inner process")
	}
	return nil
}

func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0, errors.Wrap(err, "inner process")
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}
