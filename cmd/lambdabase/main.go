// Command lambdabase builds AWS Lambda's base images, and images on them, with BuildKit inside: neither Docker nor a
// daemon is needed.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"lambdabase/internal/redact"

	"github.com/pkg/errors"
)

// Exit codes, besides that of a process run again in namespaces of its own, which is its own.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
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
		fmt.Fprintln(os.Stderr, "lambdabase: interrupted")
		return exitInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "lambdabase: %s\nSee '%s --help'.\n", redact.Text(err.Error()), usage.command)
		return exitUsage
	}
	fmt.Fprintf(os.Stderr, "lambdabase: %s\n", redact.Text(err.Error()))
	return exitFailed
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
