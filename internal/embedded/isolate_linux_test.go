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

// everybody is root, and an ordinary user.
var everybody = map[string]func(testing.TB, *exec.Cmd){"root": nil, "user": asUser}

func forEverybody(t *testing.T, f func(t *testing.T, as func(testing.TB, *exec.Cmd))) {
	for name, as := range everybody {
		t.Run(name, func(t *testing.T) {
			needRoot(t)
			f(t, as)
		})
	}
}

func TestInnerProcessGivesTheExitCode(t *testing.T) {
	forEverybody(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		require.Equal(t, 7, begin(t, job{Bare: true}, as).exit())
	})
}

func TestIsolatedProcessIsNotIsolatedAgain(t *testing.T) {
	needRoot(t)
	isolated, exit, err := Isolate(t.Context(), os.Stdin)
	require.NoError(t, err)
	require.True(t, isolated)
	require.Zero(t, exit)
	require.Empty(t, os.Getenv(innerEnv), "what it runs is another matter")
}

func TestNamespaces(t *testing.T) {
	forEverybody(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		p := begin(t, job{Sleep: true}, as)
		inner := p.inner(t)
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
	forEverybody(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGUSR1} {
			p := begin(t, job{Sleep: true}, as)
			p.says(t, "sleeping")
			require.NoError(t, syscall.Kill(-p.cmd.Process.Pid, sig), "to the process group")
			require.Equal(t, 130, p.exit())
			require.Equal(t, 1, strings.Count(p.out.String(), "got"), &p.out)
		}
	})
}

func TestEndOfContextIsASignal(t *testing.T) {
	needRoot(t)
	file := filepath.Join(t.TempDir(), "end")
	p := begin(t, job{Sleep: true, Until: file}, nil)
	p.says(t, "sleeping")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.Equal(t, 130, p.exit())
	require.Equal(t, 1, strings.Count(p.out.String(), "got terminated"), &p.out)
}

func TestInnerProcessDiesWithTheOuter(t *testing.T) {
	forEverybody(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		p := begin(t, job{Sleep: true}, as)
		inner := p.inner(t)
		p.says(t, "sleeping")
		p.signal(t, syscall.SIGKILL)
		gone(t, inner)
	})
}

func TestStoppedInnerProcessDiesWithTheOuter(t *testing.T) {
	forEverybody(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		p := begin(t, job{Sleep: true}, as)
		inner := p.inner(t)
		p.says(t, "sleeping")
		require.NoError(t, syscall.Kill(inner, syscall.SIGSTOP))
		p.signal(t, syscall.SIGKILL)
		gone(t, inner)
	})
}

// gone waits for the end of a process. In the namespace of the tests nobody asks for its exit code.
func gone(t testing.TB, pid int) {
	t.Helper()
	becomes(t, pid, "", "Z")
}

func becomes(t testing.TB, pid int, states ...string) {
	t.Helper()
	require.Eventually(t, func() bool { return slices.Contains(states, state(pid)) }, waitTimeout, time.Millisecond,
		"state %s of process %d, not %s", states, pid, state(pid))
}

// state of a process is a letter: T is stopped, Z has ended.
func state(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return after[:1]
}

func TestInnerProcessThatIsKilled(t *testing.T) {
	needRoot(t)
	p := begin(t, job{Sleep: true}, nil)
	require.NoError(t, syscall.Kill(p.inner(t), syscall.SIGKILL))
	require.Equal(t, 128+9, p.exit())
}

func TestSuspend(t *testing.T) {
	forEverybody(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		p := begin(t, job{Sleep: true}, as)
		pids := []int{p.cmd.Process.Pid, p.inner(t)}
		p.says(t, "sleeping")
		p.signal(t, syscall.SIGTSTP)
		for _, pid := range pids {
			becomes(t, pid, "T")
		}
		p.signal(t, syscall.SIGCONT)
		for _, pid := range pids {
			becomes(t, pid, "S", "R")
		}
		p.signal(t, syscall.SIGTERM)
		require.Equal(t, 130, p.exit())
	})
}

// On a terminal Ctrl-C is for every process in the foreground, and what is written is seen.
func TestTerminal(t *testing.T) {
	forEverybody(t, func(t *testing.T, as func(testing.TB, *exec.Cmd)) {
		terminal, path, err := console.NewPty()
		require.NoError(t, err)
		defer terminal.Close()
		tty, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
		require.NoError(t, err)
		p := begin(t, job{Sleep: true}, func(tb testing.TB, cmd *exec.Cmd) {
			if as != nil {
				as(tb, cmd)
			}
			cmd.Stdin, cmd.Stderr = tty, tty
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		})
		tty.Close()
		p.says(t, "sleeping")
		_, err = terminal.Write([]byte("\x03"))
		require.NoError(t, err)
		require.Equal(t, 130, p.exit())
		require.Equal(t, 1, strings.Count(p.out.String(), "got interrupt"), &p.out)
	})
}

func TestStartWithoutIsolation(t *testing.T) {
	id := outer.Swap(0)
	defer outer.Store(id)
	_, err := Start(t.Context(), Options{Root: t.TempDir()})
	require.EqualError(t, err, "BuildKit inside a process that is not isolated")
}
