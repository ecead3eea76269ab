package isolatetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// Process is a job that runs.
type Process struct {
	Cmd    *exec.Cmd
	Stdout Output
	Stderr Output
	wait   func() error
}

// StartJob starts a job; it is killed with the test at the latest. wrap may change the command.
func StartJob(t testing.TB, job any, wrap func(testing.TB, *exec.Cmd)) *Process {
	t.Helper()
	text, err := json.Marshal(job)
	require.NoError(t, err)
	p := &Process{Cmd: exec.Command("/proc/self/exe", "build", "nodejs20.x", "--secret", "hidden")}
	temp := filepath.Join(SharedDir(t), "tmp") // a killed BuildKit leaves empty folders there
	require.NoError(t, os.Mkdir(temp, 0o700))
	require.NoError(t, os.Chmod(temp, 0o777|os.ModeSticky))
	p.Cmd.Env = append(os.Environ(), jobEnv+"="+string(text), "TMPDIR="+temp)
	p.Cmd.Stdout, p.Cmd.Stderr = &p.Stdout, &p.Stderr
	p.Cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if wrap != nil {
		wrap(t, p.Cmd)
	}
	require.NoError(t, p.Cmd.Start())
	p.wait = sync.OnceValue(p.Cmd.Wait)
	t.Cleanup(func() {
		_ = p.Cmd.Process.Kill()
		_ = p.wait()
		if t.Failed() {
			t.Logf("process said:\n%s\n%s", &p.Stdout, &p.Stderr)
		}
	})
	return p
}

// MustRun runs a job to its end, and returns the process.
func MustRun(t testing.TB, job any, wrap func(testing.TB, *exec.Cmd)) *Process {
	t.Helper()
	p := StartJob(t, job, wrap)
	require.Zero(t, p.ExitCode(), "%s%s", &p.Stdout, &p.Stderr)
	return p
}

// Signal sends a signal to the process.
func (p *Process) Signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	require.NoError(t, p.Cmd.Process.Signal(sig))
}

// WaitOutput waits until the process has said it.
func (p *Process) WaitOutput(t testing.TB, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(p.Stdout.String(), text) }, sandbox.WaitTimeout, 5*time.Millisecond,
		"process says %q", text)
}

// ChildPID waits for the child that runs isolated, and returns its id.
func (p *Process) ChildPID(t testing.TB) int {
	t.Helper()
	p.WaitOutput(t, "isolated")
	child := p.FindChild(t)
	require.NotZero(t, child)
	return child
}

// FindChild returns the id of the process that it has started, or 0.
func (p *Process) FindChild(t testing.TB) int {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.Cmd.Process.Pid))
	require.NoError(t, err)
	for _, thread := range threads {
		children, _ := os.ReadFile(thread) // it may have ended
		if pid, err := strconv.Atoi(strings.TrimSpace(string(children))); err == nil {
			return pid
		}
	}
	return 0
}

// ExitCode returns the exit code, or -1 of a process that was killed.
func (p *Process) ExitCode() int {
	_ = p.wait()
	return p.Cmd.ProcessState.ExitCode()
}

// Output is what a process says, while it runs.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write appends to it.
func (l *Output) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns what was said so far.
func (l *Output) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
