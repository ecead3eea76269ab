//go:build !linux

package embedded

import (
	"context"
	"runtime"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/pkg/errors"
)

// BuildKit runs on Linux only.
type BuildKit struct{}

func unsupported() error {
	return errors.Errorf("BuildKit inside the process needs Linux, and this is %s: use a BuildKit daemon", runtime.GOOS)
}

// Start fails.
func Start(context.Context, Options) (*BuildKit, error) {
	return nil, unsupported()
}

// Client fails.
func (*BuildKit) Client(context.Context, ...client.ClientOpt) (*client.Client, error) {
	return nil, unsupported()
}

// CloseWithin does nothing.
func (*BuildKit) CloseWithin(time.Duration) error {
	return nil
}

// Close does nothing.
func (*BuildKit) Close() error {
	return nil
}

// GitActivity knows nothing.
func GitActivity(string) (idle, cpuTime time.Duration, known bool) { return 0, 0, false }
