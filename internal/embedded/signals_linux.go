package embedded

import (
	"context"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// afterSignal is how long the end of the context waits for the signal that may be its cause.
const afterSignal = 100 * time.Millisecond

// signals are those that this process gets.
type signals struct {
	got chan os.Signal
}

func listen() *signals {
	s := &signals{got: make(chan os.Signal, 16)}
	for _, sig := range []os.Signal{
		unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH,
		unix.SIGTSTP, unix.SIGCONT,
	} {
		if !signal.Ignored(sig) { // nohup, and background jobs of scripts
			signal.Notify(s.got, sig)
		}
	}
	return s
}

func (s *signals) stop() {
	signal.Stop(s.got)
	close(s.got)
}

// pass gives the signals to a process until they stop. If the context ends, and not because of a signal, it is SIGTERM.
func (s *signals) pass(ctx context.Context, to *os.Process) {
	done := ctx.Done()
	var late <-chan time.Time
	for {
		select {
		case sig, ok := <-s.got:
			if !ok {
				return
			}
			done, late = s.send(to, sig, done, late)
		case <-done:
			done, late = nil, time.After(afterSignal)
		case <-late:
			late = nil
			_ = to.Signal(unix.SIGTERM)
		}
	}
}

// send passes one signal on, and forgets the context if the signal asks for the end too. Errors are those of a process
// that has ended.
func (s *signals) send(to *os.Process, sig os.Signal, done <-chan struct{}, late <-chan time.Time) (<-chan struct{}, <-chan time.Time) {
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
func suspend(inner *os.Process) {
	_ = inner.Signal(unix.SIGSTOP)
	_ = unix.Kill(os.Getpid(), unix.SIGSTOP)
}
