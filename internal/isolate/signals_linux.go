package isolate

import (
	"context"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// signalGrace is how long the end of the context waits for the signal that may be its cause.
const signalGrace = 100 * time.Millisecond

// signalForwarder gives the signals that this process gets to another one.
type signalForwarder struct {
	ch chan os.Signal
}

func notifySignals() *signalForwarder {
	s := &signalForwarder{ch: make(chan os.Signal, 16)}
	for _, sig := range []os.Signal{
		unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH,
		unix.SIGTSTP, unix.SIGCONT,
	} {
		if !signal.Ignored(sig) { // nohup, and background jobs of scripts
			signal.Notify(s.ch, sig)
		}
	}
	return s
}

func (s *signalForwarder) stop() {
	signal.Stop(s.ch)
	close(s.ch)
}

// forward gives the signals to a process until they stop. If the context ends, and not because of a signal, it is SIGTERM.
func (s *signalForwarder) forward(ctx context.Context, to *os.Process) {
	done := ctx.Done()
	var late <-chan time.Time
	for {
		select {
		case sig, ok := <-s.ch:
			if !ok {
				return
			}
			done, late = s.forwardOne(to, sig, done, late)
		case <-done:
			done, late = nil, time.After(signalGrace)
		case <-late:
			late = nil
			_ = to.Signal(unix.SIGTERM)
		}
	}
}

// forwardOne passes one signal on, and forgets the context if the signal asks for the end too. Errors are those of a process
// that has ended.
func (s *signalForwarder) forwardOne(to *os.Process, sig os.Signal, done <-chan struct{}, late <-chan time.Time) (<-chan struct{}, <-chan time.Time) {
	switch sig {
	case unix.SIGTSTP:
		suspend(to)
	case unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM:
		_ = to.Signal(sig)
		return nil, nil
	default:
		_ = to.Signal(sig)
	}
	return done, late
}

// suspend stops both processes, as Ctrl-Z does, until SIGCONT. The first process of a namespace would ignore SIGTSTP.
func suspend(child *os.Process) {
	_ = child.Signal(unix.SIGSTOP)
	_ = unix.Kill(os.Getpid(), unix.SIGSTOP)
}
