package embedded

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"testing"
)

// notIsolated is why tests can't run BuildKit here.
var notIsolated error

// TestMain runs the tests isolated, so that they may call Start. The test binary is also the program that tests run as a
// process of its own, see [job].
func TestMain(m *testing.M) {
	if text := os.Getenv(jobEnv); text != "" {
		os.Exit(runJob(text))
	}
	isolated, exit, err := Reexec(context.Background(), os.Stdin)
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
