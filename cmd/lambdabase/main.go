// Command lambdabase builds AWS Lambda's base images, and images on them, with BuildKit inside: neither Docker nor a
// daemon is needed.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"lambdabase/internal/isolate"
	"lambdabase/internal/panics"
	"lambdabase/internal/printable"
	"lambdabase/internal/redact"
	"lambdabase/internal/rpmdb"

	"github.com/moby/buildkit/solver/errdefs"
	"github.com/pkg/errors"
	"github.com/sirupsen/logrus"
)

// Exit codes, besides that of a process run again in namespaces of its own, which is its own.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	if rpmdb.RunChild() {
		return
	}
	// BuildKit's client writes to it what it also returns, or mends by itself. --debug has the log of the BuildKit inside.
	logrus.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), interruptSignals()...)
	context.AfterFunc(ctx, exitOnSecondSignal)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := panics.Do(func() error { return root.ExecuteContext(ctx) })
	var code exitCodeError
	var usage *usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case ctx.Err() != nil:
		if errors.As(err, new(syscall.Errno)) { // a full disk, for example, which is why it was interrupted
			printError(err)
		}
		fmt.Fprintln(os.Stderr, interruptedText)
		return exitInterrupted
	case errors.As(err, &usage):
		printError(err)
		fmt.Fprintf(os.Stderr, "See '%s --help'.\n", usage.command)
		return exitUsage
	case strings.HasPrefix(err.Error(), "unknown command "): // which is cobra's own, and no type
		printError(err)
		return exitUsage
	}
	// Where in a Dockerfile or a recipe it went wrong, as buildctl and buildx show it.
	for _, source := range errdefs.Sources(err) {
		_ = source.Print(printable.Writer(os.Stderr))
	}
	printError(err)
	if hint := isolate.IDHint(err); hint != "" {
		fmt.Fprintln(os.Stderr, printable.Name(hint))
	}
	return exitFailed
}

func printError(err error) {
	fmt.Fprintf(os.Stderr, "lambdabase: %s\n", errorText(err))
}

// errorText is an error without what BuildKit's client says of everything: a failed build ends two of its calls, and
// either may be the first to tell (client/solve.go and client/build.go of v0.33.1).
func errorText(err error) string {
	text := err.Error()
	for _, prefix := range []string{"failed to solve: ", "failed to run Build function: "} {
		text = strings.Replace(text, prefix, "", 1)
	}
	return printable.Shorten(printable.Text(strings.TrimSpace(redact.Text(text))))
}

// exitCodeError is the exit code of a process that has said everything itself.
type exitCodeError int

func (e exitCodeError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// usageError is a command line that makes no sense.
type usageError struct {
	error
	command string
}

func (e *usageError) Unwrap() error { return e.error }
