package frontend

import (
	"context"
	"sync"
	"time"

	"github.com/pkg/errors"
)

// errTimeout is the cause of a context whose time has passed.
var errTimeout = errors.New("no answer in time")

// withTimeout is a context that ends with errTimeout. It has no deadline: gRPC would tell it to the daemon, whose own error
// may come first.
func withTimeout(ctx context.Context, timeout time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(timeout, func() { cancel(errTimeout) })
	return ctx, func() { timer.Stop(); cancel(nil) }
}

// timeouts are the time limits that run. Objects share the line, and a daemon may fetch few at a time (max-parallelism):
// when one has arrived, the others get their time anew.
type timeouts struct {
	mu      sync.Mutex
	running map[*time.Timer]time.Duration
}

func (t *timeouts) start(timeout time.Duration, end func()) (stop func()) {
	timer := time.AfterFunc(timeout, end)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running == nil {
		t.running = map[*time.Timer]time.Duration{}
	}
	t.running[timer] = timeout
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.running, timer)
		timer.Stop()
	}
}

func (t *timeouts) restart() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for timer, timeout := range t.running {
		timer.Reset(timeout)
	}
}

// sleep is false if the request has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// minBytesPerSecond is what the time for an object is reckoned with.
const minBytesPerSecond = 64 << 10

func transferTime(size int64) time.Duration {
	return time.Duration(size/minBytesPerSecond) * time.Second
}
