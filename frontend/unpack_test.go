package frontend

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lambdabase/internal/lfs"
	"lambdabase/internal/llbtext"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
	fstypes "github.com/tonistiigi/fsutil/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestOnlyWhatAnEarlierLayerCanMendIsChained(t *testing.T) {
	for text, mendable := range map[string]bool{
		"link /a /b: no such file or directory":                                   true, // a hard link into an earlier layer
		"link /t /b: operation not permitted":                                     true, // to a directory, that is a symlink there
		"open /y/b: no such file or directory":                                    true, // through a symlink into an earlier layer
		"mkdir /y/b: not a directory":                                             true,
		"symlink x /y/b: too many levels of symbolic links":                       true,
		"exit status 1: xz: (stdin): Unexpected end of input\n":                   false,
		"signal: killed: ":                                                        false,
		"unexpected EOF":                                                          false,
		"archive/tar: invalid tar header":                                         false,
		"write /opt/a: no space left on device":                                   false,
		"write /opt/a: disk quota exceeded":                                       false,
		"read /x: input/output error":                                             false,
		"lchown /a: invalid argument":                                             false,
		"operation not permitted":                                                 false, // a device of an ordinary user
		`exec: "xz": executable file not found in $PATH`:                          false,
		"fork/exec /usr/bin/xz: no such file or directory":                        false,
		"write /no such file or directory: no space left on device":               false,
		"failed to solve: process: link /a /b: no such file or directory":         true,
		"invalid hardlink \"/x\" -> \"../../x\": breakout of the root is refused": false,
	} {
		err := errors.WithStack(&unpackError{cause: errors.New(text)})
		a := &assembler{request: &request{}}
		require.Equal(t, mendable, a.isChainable(err), text)
		a.Layers = LayersMerge
		require.False(t, a.isChainable(err), "merge has no chain")
	}
}

func TestErrorsOfUnpackingSayWhatToDo(t *testing.T) {
	for text, want := range map[string][]string{
		"write /opt/a: no space left on device":                 {"the disk that BuildKit keeps its cache on is full", "prune the cache"},
		"exit status 1: xz: (stdin): Unexpected end of input\n": {"the archive is damaged, or its unpacker was stopped: exit status 1: xz: (stdin): Unexpected end of input"},
		"signal: killed: ": {"its unpacker was stopped: signal: killed"},
		`exec: "xz": executable file not found in $PATH`: {"the BuildKit daemon has no xz: install xz-utils (apk: xz) where buildkitd runs"},
	} {
		for _, part := range want {
			require.ErrorContains(t, &unpackError{cause: errors.New(text)}, part)
		}
	}
	inside := &unpackError{cause: errors.New(`exec: "xz": executable file not found in $PATH`), inProcess: true}
	require.ErrorContains(t, inside, "there is no xz: install xz-utils")
	require.NotContains(t, inside.Error(), "daemon")
	require.NotContains(t, (&xzError{inProcess: true}).Error(), "daemon")
	require.ErrorContains(t, &xzError{inProcess: true, reason: "xz: (stdin): Memory usage limit reached (exit status 1)"}, "xz fails: xz: (stdin): Memory usage limit reached")
}

func layersOf(sizes ...int64) (layers []lambda2llb.Layer) {
	for i, size := range sizes {
		layers = append(layers, lambda2llb.Layer{Object: lfs.Object{Pointer: lfs.Pointer{OID: stubOID(string(rune('a' + i))), Size: size}}})
	}
	return layers
}

func TestAnObjectsTimeIsThatOfItsOwnSize(t *testing.T) {
	// nodejs20.x: what shares the line with the smallest doesn't lengthen its time, and the last one has that of all.
	a := &assembler{request: &request{baseTimeout: baseTimeout}, plan: &lambda2llb.Plan{Layers: layersOf(344, 31<<20, 23<<20, 11<<20, 2<<20, 40<<10)}}
	require.Equal(t, 5*time.Minute, a.fetchTimeout(a.plan.Layers[0]))
	require.Equal(t, a.totalTimeout(), a.fetchTimeout(a.plan.Layers[1]))
	require.Equal(t, 5*time.Minute+time.Duration((4*2<<20+40<<10+344)/minBytesPerSecond)*time.Second, a.fetchTimeout(a.plan.Layers[4]))
	require.Less(t, (&assembler{request: a.request, plan: &lambda2llb.Plan{Layers: layersOf(lfs.MaxObjectSize)}}).totalTimeout(), 48*time.Hour)
}

func TestAFinalFailureEndsTheOthersSoon(t *testing.T) {
	for _, layers := range []string{"auto", "merge", "chain"} {
		s := newStub(map[string]string{"layers": layers, "objects": "https://mirror.example/{oid}"})
		s.fails = map[string]string{stubOID("a"): mismatch} // and asked again it is a 404
		start := time.Now()
		_, err := Frontend{FetchTimeout: time.Hour, grace: 50 * time.Millisecond}.Build(context.Background(), &silentFor{stub: s, oid: stubOID("b")})
		require.ErrorContains(t, err, "it answers with status 404", layers)
		require.NotContains(t, err.Error(), stubOID("b"), "it has not failed")
		require.Less(t, time.Since(start), time.Minute)
	}
}

// slowToList is a daemon that doesn't get to listing what is in one layer, and can't unpack the other.
type slowToList struct{ *stub }

func (s slowToList) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	switch text, err := llbtext.Format(req.Definition); {
	case err != nil:
		return nil, err
	case strings.Contains(text, stubOID("b")):
		return nil, errors.New("archive/tar: invalid tar header")
	case strings.Contains(text, stubOID("a")):
		res := gateway.NewResult()
		res.SetRef(unlistable{})
		return res, nil
	}
	return s.stub.Solve(ctx, req)
}

type unlistable struct{ stubRef }

func (unlistable) ReadDir(ctx context.Context, _ gateway.ReadDirRequest) ([]*fstypes.Stat, error) {
	<-ctx.Done()
	return nil, status.Error(codes.Canceled, "context canceled") // as it crosses a connection
}

func TestALayerThatWasGivenUpDoesNotHideTheOneThatFailed(t *testing.T) {
	for _, layers := range []string{"auto", "merge"} {
		s := slowToList{newStub(map[string]string{"layers": layers, "objects": "https://mirror.example/{oid}"})}
		_, err := Frontend{FetchTimeout: time.Hour, grace: time.Millisecond}.Build(t.Context(), s)
		require.ErrorContains(t, err, "unpack x86_64/b.tar.xz", layers)
		require.ErrorContains(t, err, "invalid tar header", layers)
	}
}

func TestWhatFailsByThenIsNamedToo(t *testing.T) {
	s := newStub(map[string]string{"objects": "https://mirror.example/{oid}"})
	s.fails = map[string]string{stubOID("a"): mismatch, stubOID("b"): mismatch}
	_, err := Frontend{FetchTimeout: time.Hour}.Build(context.Background(), s)
	require.ErrorContains(t, err, "2 objects failed: it answers with status 404")
}

// failsThenHangs is a daemon that gets an object neither at once nor, asked again, at all; or that then doesn't get to say why.
type failsThenHangs struct {
	*stub
	oid    string
	why    bool
	failed int
}

func (s *failsThenHangs) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	text, err := llbtext.Format(req.Definition)
	if err == nil && !s.why && strings.Contains(text, s.oid) && strings.Contains(text, "user-agent") {
		return nil, s.hang(ctx)
	}
	return s.stub.Solve(ctx, req)
}

func (s *failsThenHangs) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, opt sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	if !strings.HasSuffix(op.Identifier, s.oid) {
		return s.stub.ResolveSourceMetadata(ctx, op, opt)
	}
	if s.failed++; s.why && s.failed > 1 {
		return nil, s.hang(ctx)
	}
	return nil, errors.New("invalid response status 503")
}

func (s *failsThenHangs) hang(ctx context.Context) error {
	<-ctx.Done()
	return status.Error(codes.Canceled, "context canceled")
}

func TestWhatHasFailedAndIsTriedAgainIsNamedToo(t *testing.T) {
	for _, why := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newStub(map[string]string{"objects": "https://mirror.example/{oid}"})
			s.fails = map[string]string{stubOID("a"): mismatch, stubOID("b"): mismatch}
			_, err := Frontend{}.Build(t.Context(), &failsThenHangs{stub: s, oid: stubOID("b"), why: why})
			require.ErrorContains(t, err, "2 objects failed")
			require.ErrorContains(t, err, "it answers with status 404")
			require.ErrorContains(t, err, "it answers with status 503")
		})
	}
}

func TestAChainNamesTheObjectThatDoesNotCome(t *testing.T) {
	s := newStub(map[string]string{"layers": "chain"})
	_, err := Frontend{FetchTimeout: 200 * time.Millisecond}.Build(context.Background(), &silentFor{stub: s, oid: stubOID("b")})
	require.ErrorContains(t, err, "fetch x86_64/b.tar.xz")
	require.ErrorContains(t, err, "no answer in time")
	require.NotContains(t, err.Error(), stubOID("a"), "it has come")
}

func TestAWarningOfAChainComesWithItsImage(t *testing.T) {
	conflict := func(s *stub) { s.layers[stubOID("b")]["etc"] = stubFile{mode: stubDir.mode &^ 0o055} }
	s := newStub(nil)
	conflict(s)
	built(t, s)
	require.Len(t, s.warned, 1)
	s = newStub(nil)
	conflict(s)
	s.chainFails = "no space left on device"
	require.ErrorContains(t, buildError(t, s), "is full")
	require.Empty(t, s.warned)
}
