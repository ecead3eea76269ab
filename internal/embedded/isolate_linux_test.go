package embedded

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

	"github.com/containerd/console"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// rootAndUser are root, and an ordinary user.
var rootAndUser = map[string]func(testing.TB, *exec.Cmd){"root": nil, "user": asUser}

func forRootAndUser(t *testing.T, f func(t *testing.T, as func(testing.TB, *exec.Cmd))) {
	for name, as := range rootAndUser {
		t.Run(name, func(t *testing.T) {
			needRoot(t)
			f(t, as)
		})
	}
}

func TestInnerProcessGivesTheExitCode(t *testing.T) {
	forRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		require.Equal(t, 7, startJob(t, job{Bare: true}, as).exitCode())
	})
}

func TestIsolatedProcessIsNotIsolatedAgain(t *testing.T) {
	needRoot(t)
	isolated, exit, err := Reexec(t.Context(), os.Stdin)
	require.NoError(t, err)
	require.True(t, isolated)
	require.Zero(t, exit)
	require.Empty(t, os.Getenv(childEnv), "what it runs is another matter")
}

func TestNamespaces(t *testing.T) {
	forRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		p := startJob(t, job{Sleep: true}, as)
		inner := p.childPID(t)
		for name, own := range map[string]bool{"mnt": true, "pid": true, "user": as != nil, "net": false, "ipc": false} {
			ours, err := os.Readlink("/proc/self/ns/" + name)
			require.NoError(t, err)
			its, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", inner, name))
			require.NoError(t, err)
			require.Equal(t, own, ours != its, name)
		}
	})
}

func TestSignalsArePassedOnOnce(t *testing.T) {
	forRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGUSR1} {
			p := startJob(t, job{Sleep: true}, as)
			p.waitOutput(t, "sleeping")
			require.NoError(t, syscall.Kill(-p.cmd.Process.Pid, sig), "to the process group")
			require.Equal(t, 130, p.exitCode())
			require.Equal(t, 1, strings.Count(p.out.String(), "got"), &p.out)
		}
	})
}

func TestEndOfContextIsASignal(t *testing.T) {
	needRoot(t)
	file := filepath.Join(t.TempDir(), "end")
	p := startJob(t, job{Sleep: true, Until: file}, nil)
	p.waitOutput(t, "sleeping")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.Equal(t, 130, p.exitCode())
	require.Equal(t, 1, strings.Count(p.out.String(), "got terminated"), &p.out)
}

func TestInnerProcessDiesWithTheOuter(t *testing.T) {
	forRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		p := startJob(t, job{Sleep: true}, as)
		inner := p.childPID(t)
		p.waitOutput(t, "sleeping")
		p.signal(t, syscall.SIGKILL)
		waitGone(t, inner)
	})
}

func TestStoppedInnerProcessDiesWithTheOuter(t *testing.T) {
	forRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		p := startJob(t, job{Sleep: true}, as)
		inner := p.childPID(t)
		p.waitOutput(t, "sleeping")
		require.NoError(t, syscall.Kill(inner, syscall.SIGSTOP))
		p.signal(t, syscall.SIGKILL)
		waitGone(t, inner)
	})
}

// waitGone waits for the end of a process. In the namespace of the tests nobody asks for its exit code.
func waitGone(t testing.TB, pid int) {
	t.Helper()
	waitState(t, pid, "", "Z")
}

func waitState(t testing.TB, pid int, states ...string) {
	t.Helper()
	require.Eventually(t, func() bool { return slices.Contains(states, procState(pid)) }, waitTimeout, time.Millisecond,
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
	needRoot(t)
	p := startJob(t, job{Sleep: true}, nil)
	require.NoError(t, syscall.Kill(p.childPID(t), syscall.SIGKILL))
	require.Equal(t, 128+9, p.exitCode())
}

func TestSuspend(t *testing.T) {
	forRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		p := startJob(t, job{Sleep: true}, as)
		pids := []int{p.cmd.Process.Pid, p.childPID(t)}
		p.waitOutput(t, "sleeping")
		p.signal(t, syscall.SIGTSTP)
		for _, pid := range pids {
			waitState(t, pid, "T")
		}
		p.signal(t, syscall.SIGCONT)
		for _, pid := range pids {
			waitState(t, pid, "S", "R")
		}
		p.signal(t, syscall.SIGTERM)
		require.Equal(t, 130, p.exitCode())
	})
}

// On a terminal Ctrl-C is for every process in the foreground, and what is written is seen.
func TestTerminal(t *testing.T) {
	forRootAndUser(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		terminal, path, err := console.NewPty()
		require.NoError(t, err)
		defer terminal.Close()
		tty, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
		require.NoError(t, err)
		p := startJob(t, job{Sleep: true}, func(tb testing.TB, cmd *exec.Cmd) {
			if as != nil {
				as(tb, cmd)
			}
			cmd.Stdin, cmd.Stderr = tty, tty
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		})
		tty.Close()
		p.waitOutput(t, "sleeping")
		_, err = terminal.Write([]byte("\x03"))
		require.NoError(t, err)
		require.Equal(t, 130, p.exitCode())
		require.Equal(t, 1, strings.Count(p.out.String(), "got interrupt"), &p.out)
	})
}

func TestStartWithoutIsolation(t *testing.T) {
	id := parentPID.Swap(0)
	defer parentPID.Store(id)
	_, err := Start(t.Context(), Options{Root: t.TempDir()})
	require.EqualError(t, err, "BuildKit inside a process that is not isolated")
}
