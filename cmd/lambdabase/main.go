// Command lambdabase builds AWS Lambda's base images, and images on them, with BuildKit inside: neither Docker nor a
// daemon is needed.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"lambdabase/internal/embedded"
	"lambdabase/internal/printable"
	"lambdabase/internal/redact"

	"github.com/moby/buildkit/solver/errdefs"
	"github.com/pkg/errors"
	"github.com/sirupsen/logrus"
)

const interrupted = "lambdabase: interrupted"

// Exit codes, besides that of a process run again in namespaces of its own, which is its own.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	// BuildKit's client writes to it what it also returns, or mends by itself. --debug has the log of the BuildKit inside.
	logrus.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), interrupts()...)
	context.AfterFunc(ctx, insist)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// interrupts are the signals that end a command, but for those that it was started without: nohup, and background jobs of
// scripts.
func interrupts() []os.Signal {
	return slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, signal.Ignored)
}

// insist ends this process at the next signal, whatever it still waits for.
func insist() {
	again := make(chan os.Signal, 1)
	signal.Notify(again, interrupts()...)
	<-again
	os.Exit(exitInterrupted)
}

func run(ctx context.Context, args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var done exitError
	var usage *usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &done):
		return int(done)
	case ctx.Err() != nil:
		if errors.As(err, new(syscall.Errno)) { // a full disk, for example, which is why it was interrupted
			complain(err)
		}
		fmt.Fprintln(os.Stderr, interrupted)
		return exitInterrupted
	case errors.As(err, &usage):
		complain(err)
		fmt.Fprintf(os.Stderr, "See '%s --help'.\n", usage.command)
		return exitUsage
	case strings.HasPrefix(err.Error(), "unknown command "): // which is cobra's own, and no type
		complain(err)
		return exitUsage
	}
	// Where in a Dockerfile or a recipe it went wrong, as buildctl and buildx show it.
	for _, source := range errdefs.Sources(err) {
		_ = source.Print(printable.Writer(os.Stderr))
	}
	complain(err)
	if hint := embedded.IDHint(err); hint != "" {
		fmt.Fprintln(os.Stderr, printable.Name(hint))
	}
	return exitFailed
}

func complain(err error) {
	text := strings.Replace(err.Error(), "failed to solve: ", "", 1) // BuildKit's client says it of everything
	fmt.Fprintf(os.Stderr, "lambdabase: %s\n", printable.Text(strings.TrimSpace(redact.Text(text))))
}

// exitError is the exit code of a process that has said everything itself.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// usageError is a command line that makes no sense.
type usageError struct {
	error
	command string
}

func (e *usageError) Unwrap() error { return e.error }
