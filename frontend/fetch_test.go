package frontend

import (
	"context"
	"testing"
	"time"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
)

const mismatch = "digest mismatch for https://h: sha256:0 (expected: sha256:1)"

func TestWhatAnURLRefusesIsAskedForByTheBatchAPI(t *testing.T) {
	for _, layers := range []string{"auto", "chain"} {
		s := newStub(map[string]string{"source": "reg/lambda-frontend", "layers": layers})
		s.fails = map[string]string{stubOID("a"): mismatch} // and asked again it is a 404
		built(t, s)
		require.Contains(t, last(s), "exec /lambda-frontend fetch --repository="+Upstream+" "+stubOID("a")+" 5", layers)
		require.NotContains(t, last(s), stubOID("b")+" 5", "this one has its URL")
		require.Equal(t, []string{"media.githubusercontent.com answers with status 404: objects are asked for by the LFS batch API"}, s.warned)
	}
	s := newStub(nil)
	s.fails = map[string]string{stubOID("a"): mismatch}
	require.ErrorContains(t, buildError(t, s), "it answers with status 404", "without an image there is no other way")

	s = newStub(map[string]string{"source": "reg/lambda-frontend", "objects": "https://mirror.example/{oid}"})
	s.fails = map[string]string{stubOID("a"): mismatch}
	require.ErrorContains(t, buildError(t, s), "it answers with status 404", "a mirror is what the user wants")
}

func TestAFailureThatMayPassIsTriedAgain(t *testing.T) {
	for _, layers := range []string{"auto", "chain"} {
		s := newStub(map[string]string{"layers": layers})
		s.fails, s.passing, s.http = map[string]string{stubOID("a"): mismatch}, true, digest.Digest("sha256:"+stubOID("a"))
		built(t, s)
		require.Contains(t, last(s), "user-agent: lambdabase (attempt 2)", layers)
		require.Equal(t, 1, count([]string{last(s)}, "attempt 2"), "only the one that failed")
	}
}

func TestObjectsOfAnyHostAreAskedForByTheBatchAPI(t *testing.T) {
	for objects, want := range map[string]string{
		"auto":                    "exec /lambda-frontend fetch --repository=https://git.example/o/r.git " + stubOID("a") + " 5",
		"lfs":                     "exec /lambda-frontend fetch --repository=https://git.example/o/r.git " + stubOID("a") + " 5",
		"lfs+https://lfs.example": "exec /lambda-frontend fetch --repository=https://git.example/o/r.git --server=https://lfs.example " + stubOID("a") + " 5",
	} {
		s := newStub(map[string]string{"source": "reg/lambda-frontend", "repository": "https://git.example/o/r.git", "objects": objects})
		built(t, s)
		require.Contains(t, last(s), want)
	}
}

// silent is a daemon whose sources never answer.
type silent struct{ *stub }

func (s silent) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	res, err := s.stub.Solve(ctx, req)
	if len(s.solved) == 1 || err != nil { // the tree
		return res, err
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestAServerThatSaysNothingHoldsNoBuildForEver(t *testing.T) {
	for _, layers := range []string{"auto", "chain"} {
		s := newStub(map[string]string{"layers": layers})
		_, err := Frontend{Patience: time.Millisecond}.Build(context.Background(), silent{s})
		require.ErrorContains(t, err, "2 objects failed")
		require.ErrorContains(t, err, "it didn't send the object in 1ms")
	}
}
