package isolate_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"lambdabase/internal/isolate"
	"lambdabase/internal/isolate/isolatetest"
	"lambdabase/test/sandbox"

	"github.com/containerd/console"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestInnerProcessGivesTheExitCode(t *testing.T) {
	isolatetest.ForRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		require.Equal(t, 7, isolatetest.StartJob(t, job{Bare: true}, as).ExitCode())
	})
}

func TestIsolatedProcessIsNotIsolatedAgain(t *testing.T) {
	isolatetest.NeedRoot(t)
	isolated, exit, err := isolate.Reexec(t.Context(), os.Stdin)
	require.NoError(t, err)
	require.True(t, isolated)
	require.Zero(t, exit)
	require.Empty(t, os.Getenv(isolate.ChildEnv), "what it runs is another matter")
}

func TestNamespaces(t *testing.T) {
	isolatetest.ForRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		p := isolatetest.StartJob(t, job{Sleep: true}, as)
		child := p.ChildPID(t)
		for name, own := range map[string]bool{"mnt": true, "pid": true, "user": as != nil, "net": false, "ipc": false} {
			ours, err := os.Readlink("/proc/self/ns/" + name)
			require.NoError(t, err)
			its, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", child, name))
			require.NoError(t, err)
			require.Equal(t, own, ours != its, name)
		}
	})
}

func TestSignalsArePassedOnOnce(t *testing.T) {
	isolatetest.ForRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGUSR1} {
			p := isolatetest.StartJob(t, job{Sleep: true}, as)
			p.WaitOutput(t, "sleeping")
			require.NoError(t, syscall.Kill(-p.Cmd.Process.Pid, sig), "to the process group")
			require.Equal(t, 130, p.ExitCode())
			require.Equal(t, 1, strings.Count(p.Stdout.String(), "got"), &p.Stdout)
		}
	})
}

func TestEndOfContextIsASignal(t *testing.T) {
	isolatetest.NeedRoot(t)
	file := filepath.Join(t.TempDir(), "end")
	p := isolatetest.StartJob(t, job{Sleep: true, Until: file}, nil)
	p.WaitOutput(t, "sleeping")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.Equal(t, 130, p.ExitCode())
	require.Equal(t, 1, strings.Count(p.Stdout.String(), "got terminated"), &p.Stdout)
}

func TestInnerProcessDiesWithTheOuter(t *testing.T) {
	isolatetest.ForRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		p := isolatetest.StartJob(t, job{Sleep: true}, as)
		child := p.ChildPID(t)
		p.WaitOutput(t, "sleeping")
		p.Signal(t, syscall.SIGKILL)
		waitGone(t, child)
	})
}

func TestStoppedInnerProcessDiesWithTheOuter(t *testing.T) {
	isolatetest.ForRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		p := isolatetest.StartJob(t, job{Sleep: true}, as)
		child := p.ChildPID(t)
		p.WaitOutput(t, "sleeping")
		require.NoError(t, syscall.Kill(child, syscall.SIGSTOP))
		p.Signal(t, syscall.SIGKILL)
		waitGone(t, child)
	})
}

// waitGone waits for the end of a process. In the namespace of the tests nobody asks for its exit code.
func waitGone(t testing.TB, pid int) {
	t.Helper()
	waitState(t, pid, "", "Z")
}

func waitState(t testing.TB, pid int, states ...string) {
	t.Helper()
	require.Eventually(t, func() bool { return slices.Contains(states, procState(pid)) }, sandbox.WaitTimeout, time.Millisecond,
		"state %s of process %d, not %s", states, pid, procState(pid))
}

// procState of a process is a letter: T is stopped, Z has ended.
func procState(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return after[:1]
}

func TestInnerProcessThatIsKilled(t *testing.T) {
	isolatetest.NeedRoot(t)
	p := isolatetest.StartJob(t, job{Sleep: true}, nil)
	require.NoError(t, syscall.Kill(p.ChildPID(t), syscall.SIGKILL))
	require.Equal(t, 128+9, p.ExitCode())
}

func TestSuspend(t *testing.T) {
	isolatetest.ForRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		p := isolatetest.StartJob(t, job{Sleep: true}, as)
		pids := []int{p.Cmd.Process.Pid, p.ChildPID(t)}
		p.WaitOutput(t, "sleeping")
		p.Signal(t, syscall.SIGTSTP)
		for _, pid := range pids {
			waitState(t, pid, "T")
		}
		p.Signal(t, syscall.SIGCONT)
		for _, pid := range pids {
			waitState(t, pid, "S", "R")
		}
		p.Signal(t, syscall.SIGTERM)
		require.Equal(t, 130, p.ExitCode())
	})
}

// On a terminal Ctrl-C is for every process in the foreground, and what is written is seen.
func TestTerminal(t *testing.T) {
	isolatetest.ForRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		terminal, path, err := console.NewPty()
		require.NoError(t, err)
		defer terminal.Close()
		tty, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
		require.NoError(t, err)
		p := isolatetest.StartJob(t, job{Sleep: true}, func(tb testing.TB, cmd *exec.Cmd) {
			if as != nil {
				as(tb, cmd)
			}
			cmd.Stdin, cmd.Stderr = tty, tty
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		})
		tty.Close()
		p.WaitOutput(t, "sleeping")
		_, err = terminal.Write([]byte("\x03"))
		require.NoError(t, err)
		require.Equal(t, 130, p.ExitCode())
		require.Equal(t, 1, strings.Count(p.Stdout.String(), "got interrupt"), &p.Stdout)
	})
}
