package embedded

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"lambdabase/internal/isolate/isolatetest"

	"github.com/moby/buildkit/client"
)

func TestMain(m *testing.M) { isolatetest.Main(m, runJob) }

// job is what a process of a test does: it starts BuildKit, and prints a line when it is ready and when it is done.
type job struct {
	Root, Snapshotter, Runc string
	NoProcessSandbox        bool
	Build                   *build // nil: holds the root until a signal comes
	NotIsolated             bool
}

// runJob is the main function of such a process.
func runJob(text string) int {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if j.NotIsolated {
		_, err := j.use(context.Background())
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return isolatetest.Run(context.Background(), j.use)
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
