package isolatetest

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"lambdabase/internal/isolate"
)

const jobEnv = "ISOLATE_TEST_JOB"

// notIsolated is why the tests can't run isolated here.
var notIsolated error

// Main is the TestMain of a package whose tests run isolated. The test binary is also the program that [StartJob] runs as a
// process of its own, which runs that job.
func Main(m *testing.M, runJob func(job string) int) {
	if text := os.Getenv(jobEnv); text != "" {
		os.Exit(runJob(text))
	}
	isolated, exit, err := isolate.Reexec(context.Background(), os.Stdin)
	if err != nil {
		notIsolated = err
		fmt.Fprintln(os.Stderr, err)
	}
	if isolated || err != nil {
		log.SetOutput(io.Discard) // what servers complain of when a client is killed
		exit = m.Run()
	}
	os.Exit(exit)
}

// Run runs a job isolated, and returns the exit code of its process.
func Run(ctx context.Context, job func(context.Context) (int, error)) int {
	isolated, exit, err := isolate.Reexec(ctx, os.Stdin)
	if err == nil && isolated {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		fmt.Println("isolated")
		exit, err = job(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return exit
}
