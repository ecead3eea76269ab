package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"
)

const (
	jobEnv      = "EMBEDDED_TEST_JOB"
	requiredEnv = "LAMBDABASE_TEST" // "required": what is missing is a failure

	// testUser has subordinate ids in the files that [user] shows it in place of the machine's.
	testUser = 54321

	// waitTimeout ends what is hopeless: on a busy machine all takes many times as long as on one that isn't.
	waitTimeout = 2 * time.Minute
)

// job is what a process of a test does.
type job struct {
	Root, Snapshotter, Runc string
	NoProcessSandbox        bool
	Build                   *build // nil: holds the root until a signal comes
	Bare                    bool   // ends after Isolate
	Sleep                   bool   // waits for signals in place of starting BuildKit
	Until                   string // a file: Isolate's context ends when it is there
}

// runJob is the main function of such a process.
func runJob(text string) int {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	ctx := context.Background()
	if j.Until != "" {
		ctx = contextUntil(ctx, j.Until)
	}
	isolated, exit, err := Reexec(ctx, os.Stdin)
	if err == nil && isolated {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		exit, err = j.run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return exit
}

func contextUntil(ctx context.Context, file string) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		for {
			if _, err := os.Stat(file); err == nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	return ctx
}

// run prints a line when it is ready, and when it is done.
func (j job) run(ctx context.Context) (int, error) {
	fmt.Println("isolated")
	if j.Bare {
		fmt.Println("subordinate:", hasSubIDs.Load())
		return 7, nil
	}
	if j.Sleep {
		return countSignals(), nil
	}
	return j.use(ctx)
}

// countSignals counts signals from the first one on.
func countSignals() int {
	got := make(chan os.Signal, 16)
	signal.Notify(got, syscall.SIGINT, syscall.SIGTERM, syscall.SIGUSR1)
	fmt.Println("sleeping")
	fmt.Println("got", <-got)
	for {
		select {
		case sig := <-got:
			fmt.Println("got", sig)
		case <-time.After(300 * time.Millisecond):
			return 130
		}
	}
}

// use starts BuildKit and closes it.
func (j job) use(ctx context.Context) (int, error) {
	begun := time.Now()
	b, err := Start(ctx, Options{
		Root: j.Root, Snapshotter: j.Snapshotter, Runc: j.Runc, NoProcessSandbox: j.NoProcessSandbox, Log: os.Stderr,
		OnWait: func(holder string) { fmt.Println("waiting for " + holder) },
	})
	if err != nil {
		return 0, err
	}
	if _, err := workers(ctx, b); err != nil {
		return 0, err
	}
	fmt.Println("started in", time.Since(begun))
	exit := 0
	if j.Build == nil {
		<-ctx.Done()
		exit = 130
	} else {
		var digest string
		if digest, err = j.Build.run(ctx, b); err == nil {
			fmt.Println("built " + digest)
		}
	}
	if closed := b.Close(); err == nil {
		err = closed
	}
	fmt.Println("closed")
	return exit, err
}

// workers are BuildKit's answer when it is ready.
func workers(ctx context.Context, b *BuildKit) ([]*client.WorkerInfo, error) {
	c, err := b.Client(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.ListWorkers(ctx)
}

// process is a job that runs.
type process struct {
	cmd    *exec.Cmd
	out    output
	stderr output
	wait   func() error
}

// startJob starts a job; it is killed with the test at the latest. wrap may change the command.
func startJob(t testing.TB, j job, wrap func(testing.TB, *exec.Cmd)) *process {
	t.Helper()
	text, err := json.Marshal(j)
	require.NoError(t, err)
	p := &process{cmd: exec.Command("/proc/self/exe", "build", "nodejs20.x", "--secret", "hidden")}
	temp := filepath.Join(sharedDir(t), "tmp") // a killed BuildKit leaves empty folders there
	require.NoError(t, os.Mkdir(temp, 0o700))
	require.NoError(t, os.Chmod(temp, 0o777|os.ModeSticky))
	p.cmd.Env = append(os.Environ(), jobEnv+"="+string(text), "TMPDIR="+temp)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if wrap != nil {
		wrap(t, p.cmd)
	}
	require.NoError(t, p.cmd.Start())
	p.wait = sync.OnceValue(p.cmd.Wait)
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.wait()
		if t.Failed() {
			t.Logf("process said:\n%s\n%s", &p.out, &p.stderr)
		}
	})
	return p
}

func (p *process) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(sig))
}

// waitOutput waits until the process has said it.
func (p *process) waitOutput(t testing.TB, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(p.out.String(), text) }, waitTimeout, 5*time.Millisecond,
		"process says %q", text)
}

// childPID returns the id of the child.
func (p *process) childPID(t testing.TB) int {
	t.Helper()
	p.waitOutput(t, "isolated")
	inner := p.findChild(t)
	require.NotZero(t, inner)
	return inner
}

// findChild returns the id of the process that it has started, or 0.
func (p *process) findChild(t testing.TB) int {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.cmd.Process.Pid))
	require.NoError(t, err)
	for _, thread := range threads {
		children, _ := os.ReadFile(thread) // it may have ended
		if pid, err := strconv.Atoi(strings.TrimSpace(string(children))); err == nil {
			return pid
		}
	}
	return 0
}

// exitCode returns the exit code, or -1 of a process that was killed.
func (p *process) exitCode() int {
	_ = p.wait()
	return p.cmd.ProcessState.ExitCode()
}

// mustRun runs a job to its end, and returns the process.
func mustRun(t testing.TB, j job, wrap func(testing.TB, *exec.Cmd)) *process {
	t.Helper()
	p := startJob(t, j, wrap)
	require.Zero(t, p.exitCode(), "%s%s", &p.out, &p.stderr)
	return p
}

// asUser runs a command as an ordinary user, in a mount namespace in which that user is known.
func asUser(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	asUserWith(t, cmd, "tester:300000:65536\n", "")
}

// asUserWith has other subordinate ids, and runs commands of root before.
func asUserWith(t testing.TB, cmd *exec.Cmd, subordinate, before string) {
	t.Helper()
	for _, tool := range []string{"unshare", "setpriv", "newuidmap"} {
		if _, err := LookPath(tool); err != nil {
			missing(t, err)
		}
	}
	dir := sharedDir(t)
	program, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	for name, content := range map[string]string{
		"passwd":  "root:x:0:0::/root:/bin/sh\ntester:x:54321:54321::/nowhere:/bin/sh\n",
		"group":   "root:x:0:\ntester:x:54321:\n",
		"subuid":  subordinate,
		"subgid":  subordinate,
		"program": string(program),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755))
	}
	script := before + `for f in passwd group subuid subgid; do mount --bind "$0/$f" /etc/$f; done
		exec setpriv --reuid 54321 --regid 54321 --clear-groups "$0/program" "$@"`
	cmd.Args = append([]string{"unshare", "--mount", "sh", "-ec", script, dir}, cmd.Args[1:]...)
	cmd.Path, err = exec.LookPath("unshare")
	require.NoError(t, err)
}

// sharedDir is a folder that every user may go into: those of t are root's.
func sharedDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "embedded")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// userDir is a folder of the ordinary user.
func userDir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(sharedDir(t), "user")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.Chown(dir, testUser, testUser))
	return dir
}

func missing(t testing.TB, reason error) {
	t.Helper()
	if os.Getenv(requiredEnv) == "required" {
		t.Fatalf("missing: %v", reason)
	}
	t.Skipf("missing: %v (%s=required makes this a failure)", reason, requiredEnv)
}

// needRoot ends a test that can't run without: it tells other users' files and processes apart.
func needRoot(t testing.TB, tools ...string) {
	t.Helper()
	if notIsolated != nil {
		missing(t, notIsolated)
	}
	if isRoot, err := os.ReadFile("/proc/self/uid_map"); err != nil || !bytes.Contains(isRoot, []byte(strconv.Itoa(1<<32-1))) {
		missing(t, fmt.Errorf("root"))
	}
	for _, tool := range tools {
		if _, err := LookPath(tool); err != nil {
			missing(t, err)
		}
	}
}

// output is what a process says, while it runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *output) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *output) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
