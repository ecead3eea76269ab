package main

import (
	"cmp"
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	controlapi "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/client"
	bksession "github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/filesync"
	"github.com/pkg/errors"
	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// exportReceiver takes what the daemon's exporters send to files and dirs of this machine, in the place of the one of
// BuildKit's client (v0.33.1): a receiver that fails, on a full disk for example, leaves a daemon of any version waiting for
// ever.
type exportReceiver struct {
	files         *filesync.SyncTarget
	dirs          map[string]exportDir // by the number of the export
	exports       []*controlapi.Exporter
	onDirReceived func()      // is called when files of a dir come
	onError       func(error) // is told of a failure on this side
}

var _ bksession.Attachable = &exportReceiver{}

// newExportReceiver parts exports in those that BuildKit's client handles and those that are received here. The daemon numbers
// the latter from the former on.
func newExportReceiver(all []client.ExportEntry, onDirReceived func(), onError func(error)) (r *exportReceiver, others []client.ExportEntry) {
	r = &exportReceiver{files: filesync.NewFSSyncTarget(), dirs: map[string]exportDir{}, onDirReceived: onDirReceived, onError: onError}
	var received []client.ExportEntry
	for _, e := range all {
		if e.Output == nil && e.Type != client.ExporterLocal {
			others = append(others, e)
		} else {
			received = append(received, e)
		}
	}
	for i, e := range received {
		id := len(others) + i
		if e.Output != nil {
			r.files.Add(filesync.WithFSSync(id, e.Output))
		} else {
			r.dirs[strconv.Itoa(id)] = exportDir{e.OutputDir, e.Attrs["mode"] == string(client.LocalExporterModeDelete)}
		}
		r.exports = append(r.exports, &controlapi.Exporter{Type: e.Type, Attrs: e.Attrs})
	}
	return r, others
}

// Register is called by the session.
func (r *exportReceiver) Register(server *grpc.Server) { filesync.RegisterFileSendServer(server, r) }

// DiffCopy receives one export.
func (r *exportReceiver) DiffCopy(stream filesync.FileSend_DiffCopyServer) (err error) {
	md, _ := metadata.FromIncomingContext(stream.Context())
	if dir, is := r.dirs[exporterID(md)]; is {
		r.onDirReceived()
		err = dir.receive(stream, md)
	} else {
		err = r.files.DiffCopy(stream)
	}
	// Other errors are those of the daemon, which says itself what they are.
	if errors.As(err, new(syscall.Errno)) {
		r.onError(errors.Wrap(err, "output"))
	}
	return err
}

// exporterID returns the number of an export. A daemon that knows one export only sends none (before BuildKit 0.13), as the
// receiver of BuildKit's client knows too (v0.33.1, session/filesync/filesync.go:317).
func exporterID(md metadata.MD) string {
	return cmp.Or(strings.Join(md["buildkit-attachable-exporter-id"], ""), "0")
}

// exportDir is a dir that files are received in.
type exportDir struct {
	dir    string
	mirror bool // so that nothing else is in it
}

// receive does what filesync's own target does (v0.33.1, syncTargetDiffCopy), but for the end of the root if it fails:
// fsutil's writers go on for a moment, and would panic.
func (d exportDir) receive(stream filesync.FileSend_DiffCopyServer, md metadata.MD) error {
	if d.mirror && !slices.Contains(md["buildkit-exporter-multi-platform"], "1") {
		return errors.New("mode=delete needs a newer BuildKit")
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return errors.WithStack(err)
	}
	osRoot, err := os.OpenRoot(d.dir)
	if err != nil {
		return errors.WithStack(err)
	}
	root := fsutil.NewRoot(osRoot)
	opt := fsutil.ReceiveOpt{Merge: !d.mirror, Filter: setOwner}
	if d.mirror {
		opt.Differ = fsutil.DiffNone
	}
	if err := fsutil.ReceiveRoot(stream.Context(), &fileRequestLimiter{Stream: stream}, root, opt); err != nil {
		return errors.WithStack(err)
	}
	return root.Close()
}

func setOwner(_ string, stat *fstypes.Stat) bool {
	stat.Uid, stat.Gid = uint32(os.Getuid()), uint32(os.Getgid())
	return true
}

type exportsKey struct{}

// withExports has a request of [addExports] carry the exports that are received here.
func (r *exportReceiver) withExports(ctx context.Context) context.Context {
	return context.WithValue(ctx, exportsKey{}, r.exports)
}

// addExports asks the daemon for the exports that BuildKit's client doesn't know of.
func addExports(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	exports, _ := ctx.Value(exportsKey{}).([]*controlapi.Exporter)
	if solve, ok := req.(*controlapi.SolveRequest); ok && len(exports) > 0 {
		if len(solve.Exporters) == 0 { // for a daemon that knows one export only
			solve.ExporterDeprecated, solve.ExporterAttrsDeprecated = exports[0].Type, exports[0].Attrs
		}
		solve.Exporters = append(solve.Exporters, exports...)
	}
	return invoker(ctx, method, req, reply, cc, opts...)
}

// maxFileRequests is how many files are asked for at once. The sender of fsutil has room for 128, and stops listening when that
// is full (send.go, queue): if it can't send either any more, it waits for ever.
const maxFileRequests = 64

// fileRequestLimiter holds back requests for files on the side of fsutil's receiver.
type fileRequestLimiter struct {
	fsutil.Stream
	mu       sync.Mutex
	inFlight int
	queued   []*fstypes.Packet
}

// SendMsg sends, or keeps a request until another one is done.
func (l *fileRequestLimiter) SendMsg(m any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p, ok := m.(*fstypes.Packet); ok && p.Type == fstypes.PACKET_REQ {
		if l.inFlight == maxFileRequests {
			l.queued = append(l.queued, p)
			return nil
		}
		l.inFlight++
	}
	return l.Stream.SendMsg(m)
}

// RecvMsg receives. An empty packet is the end of a file.
func (l *fileRequestLimiter) RecvMsg(m any) error {
	if err := l.Stream.RecvMsg(m); err != nil {
		return err
	}
	if p, ok := m.(*fstypes.Packet); !ok || p.Type != fstypes.PACKET_DATA || len(p.Data) > 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queued) == 0 {
		l.inFlight--
		return nil
	}
	next := l.queued[0]
	l.queued = l.queued[1:]
	return l.Stream.SendMsg(next)
}
