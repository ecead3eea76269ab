package embedded

import (
	"context"
	"sync/atomic"

	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"google.golang.org/grpc"
)

// buildTracker keeps how that ended which BuildKit was asked for. A build that succeeds has no call that fails.
type buildTracker struct {
	failed     atomic.Bool
	canceled   atomic.Bool
	pendingGit atomic.Int64 // work on git repositories that was begun, and is not done
	collecting atomic.Bool  // what a process left that was killed is being removed
}

// intercept watches calls.
func (o *buildTracker) intercept(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	isGit := fetchesGit(req)
	if isGit {
		o.pendingGit.Add(1)
	}
	res, err := handler(ctx, req)
	if err != nil {
		o.failed.Store(true)
	} else if isGit {
		o.pendingGit.Add(-1)
	}
	if ctx.Err() != nil {
		o.canceled.Store(true)
	}
	return res, err
}

// fetchesGit reports whether a call has BuildKit fetch a commit by itself, without one of its sources.
func fetchesGit(req any) bool {
	r, ok := req.(*gatewaypb.ResolveSourceMetaRequest)
	return ok && r.Git.GetReturnObject()
}
