package embedded

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc"
)

// outcome is how that ended which BuildKit was asked for. A build that succeeds has no call that fails.
type outcome struct {
	failed   atomic.Bool
	canceled atomic.Bool
}

// watch is an interceptor of calls.
func (o *outcome) watch(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	res, err := handler(ctx, req)
	if err != nil {
		o.failed.Store(true)
	}
	if ctx.Err() != nil {
		o.canceled.Store(true)
	}
	return res, err
}
