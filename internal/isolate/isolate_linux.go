package isolate

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"github.com/moby/sys/mountinfo"
	"github.com/moby/sys/userns"
	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// childEnv tells the child that it is one; its value is the parent's id.
const childEnv = "LAMBDABASE_ISOLATED"

// subIDsEnv tells it that its ids are subordinate ones, and not those of a container.
const subIDsEnv = "LAMBDABASE_SUBORDINATES"

// Reexec runs this program again in namespaces of its own and waits for it, unless it already runs there. isolated
// tells that this is the child, which goes on; else exit is the exit code of the child, or 128 and the number
// of the signal that ended it. An error of the child is the child's to report.
//
// The child has a mount namespace, so that what is mounted goes with it however it ends, and a process namespace,
// so that what it started does. A user who is not root, or root without the capability SYS_ADMIN, gets a user namespace
// too, root of which the user is; but no process namespace where parts of /proc are hidden, as in containers: there a
// program may outlive a kill.
//
// It is in a process group of its own, and gets the signals of the parent from that one, each of them once; when
// ctx ends it gets SIGTERM. It dies with the parent even if that is killed. Its standard input is stdin, and the
// other standard streams are inherited. It can't read from a terminal, as it is not in its foreground: what is to come from
// there is read before.
func Reexec(ctx context.Context, stdin io.Reader) (isolated bool, exit int, err error) {
	if parentPID.Load() != 0 {
		return true, 0, nil
	}
	if pid, ok := os.LookupEnv(childEnv); ok {
		return true, 0, initChild(pid)
	}
	exit, err = runChild(ctx, stdin)
	return false, exit, err
}

func runChild(ctx context.Context, stdin io.Reader) (int, error) {
	ns, err := chooseNamespaces()
	if err != nil {
		return 0, err
	}
	pipeReader, pipeWriter, err := os.Pipe()
	if err != nil {
		return 0, errors.WithStack(err)
	}
	defer pipeWriter.Close()
	cmd, err := childCommand(pipeReader, ns)
	if err != nil {
		return 0, err
	}
	cmd.Stdin = stdin
	// What ends a child with its parent ends it with the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	signals := notifySignals()
	defer signals.stop()
	err = cmd.Start()
	pipeReader.Close()
	if err != nil {
		return 0, namespaceError(err, ns.ids != nil)
	}
	go signals.forward(ctx, cmd.Process)
	if err := startChild(cmd.Process, ns.ids, pipeWriter); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return 0, err
	}
	return exitCode(cmd.Wait())
}

// namespaces are those that the child has besides a mount namespace.
type namespaces struct {
	ids idMapper // of the user namespace; nil: none
	pid bool
}

// chooseNamespaces picks as few as mounting takes.
func chooseNamespaces() (ns namespaces, err error) {
	mayMount, err := hasCapability(unix.CAP_SYS_ADMIN)
	if err != nil {
		return ns, err
	}
	if !mayMount || os.Geteuid() != 0 {
		if ns.ids, err = findIDMapper(); err != nil {
			return ns, err
		}
	}
	hidden, err := procHidden(ns.ids != nil || userns.RunningInUserNS())
	ns.pid = !hidden
	return ns, err
}

// childCommand returns this program, with the same arguments.
func childCommand(pipeReader *os.File, ns namespaces) (*exec.Cmd, error) {
	cmd := exec.Command("/proc/self/exe") // also where the file was replaced meanwhile
	cmd.Args = os.Args
	cmd.Env = append(os.Environ(), childEnv+"="+strconv.Itoa(os.Getpid()))
	if _, are := ns.ids.(*subIDs); are {
		cmd.Env = append(cmd.Env, subIDsEnv+"=1")
	}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{pipeReader} // parentPipe
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Cloneflags: syscall.CLONE_NEWNS}
	cmd.SysProcAttr = attr
	if ns.pid {
		attr.Cloneflags |= syscall.CLONE_NEWPID
	}
	if ns.ids == nil {
		return cmd, nil
	}
	attr.Cloneflags |= syscall.CLONE_NEWUSER
	// Nobody is mapped yet when the program starts, and to start one as nobody drops capabilities, but for the ambient ones.
	var err error
	attr.AmbientCaps, err = allCapabilities()
	return cmd, err
}

// ProcHidden reports whether Linux lets this process mount no /proc, which is needed with a process namespace: in a user
// namespace where parts of the one that is there are hidden.
func ProcHidden() (bool, error) { return procHidden(userns.RunningInUserNS()) }

func procHidden(inUserNS bool) (bool, error) {
	if !inUserNS {
		return false, nil
	}
	return procMasked()
}

// procMasked reports whether parts of /proc are hidden, as in containers.
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

// startChild lets the child go on once its users are mapped. The file stays open as long as this process lives.
func startChild(child *os.Process, ids idMapper, pipeWriter *os.File) error {
	if ids != nil {
		if err := ids.apply(child.Pid); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(pipeWriter, "go"); err != nil && !errors.Is(err, syscall.EPIPE) {
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
