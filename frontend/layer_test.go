package frontend

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lambdabase/internal/llbtext"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
	fstypes "github.com/tonistiigi/fsutil/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

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
