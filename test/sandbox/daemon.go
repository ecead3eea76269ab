package sandbox

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

const (
	stopTimeout = time.Minute // then it is killed
	logLines    = 40          // of the daemon's log, shown with a failure
)

// Daemon is a running buildkitd.
type Daemon struct {
	Addr string // "unix:///..."
	Root string // its state folder
	Pid  int

	dir    string // holds all of it: state, socket, configuration, log
	cmd    *exec.Cmd
	exited chan struct{}
}

// Start runs a daemon until the test is over; without the right to do so, or buildkitd, see [Require].
func Start(t testing.TB, opts ...Option) *Daemon {
	t.Helper()
	var s settings
	for _, opt := range opts {
		opt(&s)
	}
	Require(t)
	if s.binary == "" {
		s.binary = Tool(t, "buildkitd")
	}
	// Not t.TempDir: with the name of a test in it, the socket's path can pass the 108 bytes it may have.
	dir, err := os.MkdirTemp("", "buildkitd")
	require.NoError(t, err)
	d := &Daemon{
		Addr:   "unix://" + filepath.Join(dir, "socket"),
		Root:   filepath.Join(dir, "state"),
		dir:    dir,
		exited: make(chan struct{}),
	}
	t.Cleanup(func() { d.cleanup(t) })
	require.NoError(t, d.start(s), "buildkitd")
	require.NoError(t, d.waitReady(), "buildkitd; its log is below")
	return d
}

func (d *Daemon) start(s settings) error {
	args, err := d.arguments(s)
	if err != nil {
		return err
	}
	log, err := os.Create(d.logFile())
	if err != nil {
		return err
	}
	defer log.Close()
	temp := filepath.Join(d.dir, "tmp")
	if err := os.Mkdir(temp, 0o711); err != nil {
		return err
	}
	binary, args := s.wrapCommand(s.binary, args)
	d.cmd = exec.Command(binary, args...)
	d.cmd.Env = append(append(os.Environ(), "TMPDIR="+temp), s.env...)
	d.cmd.Stdout, d.cmd.Stderr = log, log
	d.cmd.SysProcAttr = dieWithParent()
	started := make(chan error)
	go d.run(started)
	return <-started
}

// run keeps a thread for the daemon: what ends a child with its parent ends it with the *thread* that started it, and
// code under test may end threads (unpacking archives in a chroot does).
func (d *Daemon) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(d.exited)
	err := d.cmd.Start()
	if err == nil {
		d.Pid = d.cmd.Process.Pid
	}
	started <- err
	if err == nil {
		_ = d.cmd.Wait() // how it ended is in d.cmd.ProcessState
	}
}

// arguments leave nothing to the host's /etc/buildkit, a containerd that happens to run, or the default OpenTelemetry
// socket in /run, which daemons would take from each other. No garbage collection: a test decides what is cached.
func (d *Daemon) arguments(s settings) ([]string, error) {
	runc, err := exec.LookPath("runc")
	if err != nil {
		return nil, err
	}
	config := filepath.Join(d.dir, "buildkitd.toml")
	toml := s.config + "\n[otel]\n  socketPath = \"" + filepath.Join(d.dir, "otel") + "\"\n"
	args := []string{
		"--config=" + config, "--root=" + d.Root, "--addr=" + d.Addr,
		"--containerd-worker=false", "--oci-worker=true", "--oci-worker-binary=" + runc,
		"--oci-worker-net=host", "--oci-worker-gc=false",
	}
	if s.snapshotter != "" {
		args = append(args, "--oci-worker-snapshotter="+s.snapshotter)
	}
	return append(args, s.args...), os.WriteFile(config, []byte(toml), 0o600)
}

// waitReady dials the socket by itself first: gRPC waits a second and more after a dial that failed.
func (d *Daemon) waitReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), WaitTimeout)
	defer cancel()
	for {
		conn, err := net.Dial("unix", strings.TrimPrefix(d.Addr, "unix://"))
		if err == nil {
			conn.Close()
			return d.checkWorkers(ctx)
		}
		select {
		case <-ctx.Done():
			return errors.Wrapf(err, "not ready after %s", WaitTimeout)
		case <-d.exited:
			return errors.Errorf("ended while starting: %s", d.cmd.ProcessState)
		case <-time.After(tick):
		}
	}
}

func (d *Daemon) checkWorkers(ctx context.Context) error {
	c, err := client.New(ctx, d.Addr)
	if err != nil {
		return errors.Wrap(err, "client")
	}
	defer c.Close()
	_, err = c.ListWorkers(ctx)
	return errors.Wrap(err, "workers")
}

func (d *Daemon) cleanup(t testing.TB) {
	d.stop()
	if t.Failed() {
		t.Logf("end of the log of buildkitd:\n%s", tail(d.Log()))
	}
	// A daemon that was killed, or one with a step still running, leaves overlays mounted.
	if err := unmountBelow(d.dir); err != nil {
		t.Errorf("leftover mounts of buildkitd: %v", err)
		return // removing through a mount would remove what is mounted
	}
	if err := os.RemoveAll(d.dir); err != nil {
		t.Errorf("state of buildkitd: %v", err)
	}
}

func (d *Daemon) stop() {
	if d.Pid == 0 {
		return
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM) // fails only if it is gone already
	select {
	case <-d.exited:
	case <-time.After(stopTimeout):
		_ = d.cmd.Process.Kill()
		<-d.exited
	}
}

func (d *Daemon) logFile() string {
	return filepath.Join(d.dir, "log")
}

// Log is what the daemon wrote so far.
func (d *Daemon) Log() string {
	log, err := os.ReadFile(d.logFile())
	if err != nil {
		return err.Error()
	}
	return string(log)
}

func tail(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return strings.Join(lines[max(0, len(lines)-logLines):], "\n")
}
