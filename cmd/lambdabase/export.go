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
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/filesync"
	"github.com/pkg/errors"
	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// receiver takes what the daemon's exporters send to files and dirs of this machine, in the place of the one of BuildKit's
// client (v0.33.1): a receiver that fails, on a full disk for example, leaves a daemon of any version waiting for ever.
type receiver struct {
	files   *filesync.SyncTarget
	dirs    map[string]dirTarget // by the number of the export
	exports []*controlapi.Exporter
	begun   func()      // is called when files of a dir come
	failed  func(error) // is told of a failure on this side
}

var _ session.Attachable = &receiver{}

// newReceiver parts exports in those that BuildKit's client handles and those that are received here. The daemon numbers
// the latter from the former on.
func newReceiver(all []client.ExportEntry, begun func(), failed func(error)) (r *receiver, others []client.ExportEntry) {
	r = &receiver{files: filesync.NewFSSyncTarget(), dirs: map[string]dirTarget{}, begun: begun, failed: failed}
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
			r.dirs[strconv.Itoa(id)] = dirTarget{e.OutputDir, e.Attrs["mode"] == string(client.LocalExporterModeDelete)}
		}
		r.exports = append(r.exports, &controlapi.Exporter{Type: e.Type, Attrs: e.Attrs})
	}
	return r, others
}

// Register is called by the session.
func (r *receiver) Register(server *grpc.Server) { filesync.RegisterFileSendServer(server, r) }

// DiffCopy receives one export.
func (r *receiver) DiffCopy(stream filesync.FileSend_DiffCopyServer) (err error) {
	of, _ := metadata.FromIncomingContext(stream.Context())
	if dir, is := r.dirs[exporterID(of)]; is {
		r.begun()
		err = dir.receive(stream, of)
	} else {
		err = r.files.DiffCopy(stream)
	}
	// Other errors are those of the daemon, which says itself what they are.
	if errors.As(err, new(syscall.Errno)) {
		r.failed(errors.Wrap(err, "output"))
	}
	return err
}

// exporterID is the number of an export. A daemon that knows one export only sends none (before BuildKit 0.13), as the
// receiver of BuildKit's client knows too (v0.33.1, session/filesync/filesync.go:317).
func exporterID(of metadata.MD) string {
	return cmp.Or(strings.Join(of["buildkit-attachable-exporter-id"], ""), "0")
}

// dirTarget is a dir that files are received in.
type dirTarget struct {
	dir    string
	mirror bool // so that nothing else is in it
}

// receive does what filesync's own target does (v0.33.1, syncTargetDiffCopy), but for the end of the root if it fails:
// fsutil's writers go on for a moment, and would panic.
func (d dirTarget) receive(stream filesync.FileSend_DiffCopyServer, of metadata.MD) error {
	if d.mirror && !slices.Contains(of["buildkit-exporter-multi-platform"], "1") {
		return errors.New("mode=delete needs a newer BuildKit")
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return errors.WithStack(err)
	}
	opened, err := os.OpenRoot(d.dir)
	if err != nil {
		return errors.WithStack(err)
	}
	root := fsutil.NewRoot(opened)
	opt := fsutil.ReceiveOpt{Merge: !d.mirror, Filter: ownedByUser}
	if d.mirror {
		opt.Differ = fsutil.DiffNone
	}
	if err := fsutil.ReceiveRoot(stream.Context(), &requestLimiter{Stream: stream}, root, opt); err != nil {
		return errors.WithStack(err)
	}
	return root.Close()
}

func ownedByUser(_ string, stat *fstypes.Stat) bool {
	stat.Uid, stat.Gid = uint32(os.Getuid()), uint32(os.Getgid())
	return true
}

type exportsKey struct{}

// withExports has a request of [addExports] carry the exports that are received here.
func (r *receiver) withExports(ctx context.Context) context.Context {
	return context.WithValue(ctx, exportsKey{}, r.exports)
}

// addExports asks the daemon for the exports that BuildKit's client doesn't know of.
func addExports(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	exports, _ := ctx.Value(exportsKey{}).([]*controlapi.Exporter)
	if solve, ok := req.(*controlapi.SolveRequest); ok && len(exports) > 0 {
		if len(solve.Exporters) == 0 { // for a daemon that knows one export only
			solve.ExporterDeprecated, solve.ExporterAttrsDeprecated = exports[0].Type, exports[0].Attrs
		}
		solve.Exporters = append(solve.Exporters, exports...)
	}
	return invoke(ctx, method, req, reply, cc, opts...)
}

// maxRequests is how many files are asked for at once. The sender of fsutil has room for 128, and stops listening when that
// is full (send.go, queue): if it can't send either any more, it waits for ever.
const maxRequests = 64

// requestLimiter holds back requests for files on the side of fsutil's receiver.
type requestLimiter struct {
	fsutil.Stream
	mu      sync.Mutex
	asked   int
	waiting []*fstypes.Packet
}

// SendMsg sends, or keeps a request until another one is done.
func (l *requestLimiter) SendMsg(m any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p, ok := m.(*fstypes.Packet); ok && p.Type == fstypes.PACKET_REQ {
		if l.asked == maxRequests {
			l.waiting = append(l.waiting, p)
			return nil
		}
		l.asked++
	}
	return l.Stream.SendMsg(m)
}

// RecvMsg receives. An empty packet is the end of a file.
func (l *requestLimiter) RecvMsg(m any) error {
	if err := l.Stream.RecvMsg(m); err != nil {
		return err
	}
	if p, ok := m.(*fstypes.Packet); !ok || p.Type != fstypes.PACKET_DATA || len(p.Data) > 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.asked--
		return nil
	}
	next := l.waiting[0]
	l.waiting = l.waiting[1:]
	return l.Stream.SendMsg(next)
}
