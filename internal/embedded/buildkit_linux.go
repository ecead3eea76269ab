package embedded

import (
	"context"
	"io"
	"net"
	"sync"
	"time"

	"lambdabase/internal/isolate"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/defaults"
	"github.com/moby/buildkit/cache"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/control"
	"github.com/moby/buildkit/util/bklog"
	"github.com/moby/buildkit/util/grpcerrors"
	"github.com/pkg/errors"
	"github.com/sirupsen/logrus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"
)

const (
	// shutdownTimeout is how long Close waits for work to end by itself, and again once it is told to.
	shutdownTimeout = 10 * time.Second

	// releaseTimeout is how long Close waits for BuildKit to give back what the last build used, and to remove what is left of
	// builds before.
	releaseTimeout = 2 * time.Second
	releasePoll    = time.Millisecond

	connectionBuffer = 1 << 20
)

// BuildKit is one that runs in this process.
type BuildKit struct {
	dir       *cacheDir
	server    *grpc.Server
	listener  *bufconn.Listener
	cache     cache.Manager
	closers   closers
	outcome   buildTracker
	stopping  chan struct{}
	closeOnce sync.Once
	closeErr  error
}

// Start runs BuildKit, in a process that is isolated, on a root that no other process holds: else it waits until ctx ends.
// A cache that can't be used is thrown away, and the log tells so.
func Start(ctx context.Context, o Options) (*BuildKit, error) {
	if isolate.ParentPID() == 0 {
		return nil, errors.New("BuildKit inside a process that is not isolated")
	}
	logTo(o.Log)
	hookXattrWarnings(o.OnLeftOut)
	dir, err := openCacheDir(ctx, o)
	if err != nil {
		return nil, err
	}
	b, err := run(ctx, dir, o)
	if errors.As(err, new(corruptError)) {
		if err = dir.reset(err.Error()); err == nil {
			b, err = run(ctx, dir, o)
		}
	}
	if err != nil {
		_ = dir.close(nil)
		return nil, err
	}
	return b, nil
}

// logTo sets logrus' output. Goroutines of BuildKit outlive it, and complain of its end, so nothing is set back.
func logTo(w io.Writer) {
	if w == nil {
		w = io.Discard
	}
	logrus.SetOutput(w)
}

func run(ctx context.Context, dir *cacheDir, o Options) (_ *BuildKit, err error) {
	b := &BuildKit{dir: dir, stopping: make(chan struct{}), listener: bufconn.Listen(connectionBuffer)}
	defer func() {
		if p := recover(); p != nil {
			close(b.stopping)
			b.closers.closeAfterPanic()
			err = corruptError{errors.Errorf("%v", p)}
		} else if err != nil {
			close(b.stopping)
			_ = b.closers.close()
		}
	}()
	if err := checkDatabases(dir.join(cacheSubdir)); err != nil {
		return nil, err
	}
	restore, err := wrapXZ(dir.join(runSubdir, "bin"))
	if err != nil {
		return nil, err
	}
	b.closers.add(restore)
	// Else it is XDG_RUNTIME_DIR, which may be another user's, or gone.
	if err := mount.SetTempMountLocation(dir.join(runSubdir, "mounts")); err != nil {
		return nil, errors.WithStack(err)
	}
	// What runs by itself ends with BuildKit, not with ctx.
	ctl, err := newController(context.WithoutCancel(ctx), b, o)
	if err != nil {
		return nil, err
	}
	b.serve(ctl)
	return b, nil
}

func (b *BuildKit) serve(ctl *control.Controller) {
	b.server = newServer(&b.outcome)
	ctl.Register(b.server)
	go func() {
		if err := b.server.Serve(b.listener); err != nil {
			bklog.L.Errorf("server in memory: %v", err)
		}
	}()
}

func newServer(o *buildTracker) *grpc.Server {
	return grpc.NewServer(
		grpc.ChainUnaryInterceptor(grpcerrors.UnaryServerInterceptor, o.intercept), // errors keep their type and source location
		grpc.StreamInterceptor(grpcerrors.StreamServerInterceptor),
		grpc.MaxRecvMsgSize(defaults.DefaultMaxRecvMsgSize),
		grpc.MaxSendMsgSize(defaults.DefaultMaxSendMsgSize),
		grpc.WaitForHandlers(true),
	)
}

// Client returns a new connection in memory. It has to be closed before BuildKit is.
func (b *BuildKit) Client(ctx context.Context, opts ...client.ClientOpt) (*client.Client, error) {
	return client.New(ctx, "", append(opts, client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return b.listener.DialContext(ctx)
	}))...)
}

// Close waits a while for what is running, ends it, closes the cache and gives the root back.
func (b *BuildKit) Close() error {
	b.closeOnce.Do(func() { b.closeErr = b.shutdown(shutdownTimeout) })
	return b.closeErr
}

// CloseWithin is Close in a hurry. What doesn't end in that time goes on until the process ends, which has to be soon: the
// cache stays as it would be after a kill, and the root is held.
func (b *BuildKit) CloseWithin(timeout time.Duration) error {
	b.closeOnce.Do(func() { b.closeErr = b.shutdown(timeout / 2) })
	return b.closeErr
}

func (b *BuildKit) shutdown(timeout time.Duration) error {
	defer logTo(nil)
	close(b.stopping)
	hurried := timeout < shutdownTimeout
	if !waitFor(timeout, b.server.GracefulStop) && !waitFor(timeout, b.server.Stop) {
		if hurried {
			return errors.New("builds don't end")
		}
		bklog.L.Warn("builds don't end")
	}
	if !hurried {
		b.awaitRelease()
	}
	var err error
	if !waitFor(timeout, func() { err = b.closers.close() }) {
		return errors.New("cache is still in use")
	}
	var o *buildTracker
	if err == nil {
		o = &b.outcome
	}
	if unlock := b.dir.close(o); err == nil {
		err = unlock
	}
	return err
}

// awaitRelease waits until nothing of the cache is in use. BuildKit gives back what a build used, and notes when, after the
// build's end (solver/jobs.go, state.Release): without that it counts as never used, and is the first that is pruned. It also
// waits for what a process left that was killed to be removed.
func (b *BuildKit) awaitRelease() {
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	for ctx.Err() == nil {
		used, err := b.cache.DiskUsage(ctx, client.DiskUsageInfo{Filter: []string{"inuse"}})
		if err != nil || len(used) == 0 && !b.outcome.collecting.Load() {
			return
		}
		time.Sleep(releasePoll)
	}
}

// waitFor runs f, and reports whether it was done in that time.
func waitFor(timeout time.Duration, f func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		return true
	case <-time.After(timeout):
		return false
	}
}
