package isolate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"lambdabase/internal/isolate"
	"lambdabase/internal/isolate/isolatetest"
)

func TestMain(m *testing.M) { isolatetest.Main(m, runJob) }

// job is what a process of a test does.
type job struct {
	Bare  bool   // ends at once
	Sleep bool   // waits for signals
	Until string // a file: Reexec's context ends when it is there
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
	return isolatetest.Run(ctx, func(context.Context) (int, error) {
		if j.Sleep {
			return countSignals(), nil
		}
		fmt.Println("subordinate:", isolate.HasSubIDs())
		return 7, nil
	})
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
