package frontend

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lambdabase/internal/lfs"
	"lambdabase/internal/llbtext"
	"lambdabase/llb/lambda2llb"
	"lambdabase/test/readme"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

const mismatch = "digest mismatch for https://h: sha256:0 (expected: sha256:1)"

func TestAPlanStaysAsItIsMade(t *testing.T) {
	for _, layers := range []string{"auto", "chain"} {
		s := newStub(map[string]string{"source": "reg/lambda-frontend", "layers": layers})
		s.fails = map[string]string{stubOID("a"): mismatch} // so that the batch API is asked
		s.layers[stubOID("b")] = stubRef{stubOID("b"): {data: "12345"}}
		r, err := quick.readRequest(t.Context(), s)
		require.NoError(t, err)
		snap, err := r.newSnapshot(t.Context(), r.remote, r.Runtime, "")
		require.NoError(t, err)
		plan, err := snap.plan(t.Context(), r.daemonPlatform())
		require.NoError(t, err)
		before := *plan
		before.Layers = slices.Clone(plan.Layers)
		_, err = r.assemble(t.Context(), plan, noGate)
		require.Error(t, err, "the second is no archive")
		require.Equal(t, &before, plan)
		require.NotEmpty(t, s.warned, "the first was asked for otherwise")
	}
}

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

// silentFor is a daemon to which one object doesn't come.
type silentFor struct {
	*stub
	oid string
}

func (s *silentFor) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	text, err := llbtext.Format(req.Definition)
	if err != nil || !strings.Contains(text, s.oid) || s.fails != nil && strings.Contains(text, stubOID("a")) {
		return s.stub.Solve(ctx, req)
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// silent is a daemon whose sources never answer.
type silent struct {
	*stub
	ended atomic.Bool
	again atomic.Int32 // solves that began when one had ended
}

func (s *silent) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	if text, err := llbtext.Format(req.Definition); err != nil || strings.Contains(text, "source git://") || isLock(text) {
		return s.stub.Solve(ctx, req)
	}
	if s.ended.Load() {
		s.again.Add(1)
	}
	<-ctx.Done()
	s.ended.Store(true)
	return nil, ctx.Err()
}

func TestAServerThatSaysNothingHoldsNoBuildForEver(t *testing.T) {
	const patience = time.Second
	for _, layers := range []string{"auto", "chain"} {
		s := &silent{stub: newStub(map[string]string{"layers": layers})}
		_, err := Frontend{FetchTimeout: patience}.Build(context.Background(), s)
		require.ErrorContains(t, err, "2 objects failed: not done in 1s: no answer in time", layers)
		readme.Explains(t, err.Error(), "not done in ...: no answer in time")
		require.Zero(t, s.again.Load(), "%s waits once", layers)
	}
}

func TestSeveralRefusalsAtOnceAreEachAskedForByTheBatchAPI(t *testing.T) {
	for _, layers := range []string{"auto", "chain"} {
		s := newStub(map[string]string{"source": "reg/lambda-frontend", "layers": layers})
		s.fails = map[string]string{stubOID("a"): mismatch, stubOID("b"): mismatch}
		built(t, s)
		require.Equal(t, 2, strings.Count(last(s), "exec /lambda-frontend fetch"))
		require.Len(t, s.warned, 1, "said once")
	}
}

func TestWhatOnlyTheBatchAPINeedsFailsNothingElse(t *testing.T) {
	opts := map[string]string{"source": "reg/lambda-frontend", "build-arg:HTTPS_PROXY": "u:hunter2@proxy.example:3128"}
	built(t, newStub(opts))

	s := newStub(opts)
	s.fails = map[string]string{stubOID("a"): mismatch}
	err := buildError(t, s)
	require.ErrorContains(t, err, "it answers with status 404")
	require.ErrorContains(t, err, "and the LFS batch API can't be asked: build argument HTTPS_PROXY has user information in it")
	require.NotContains(t, err.Error(), "hunter2")
}

func TestAnEndedRequestMakesNoChain(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	s := newStub(map[string]string{"layers": "chain"})
	s.fails = map[string]string{stubOID("a"): "EOF"}
	s.onLayer = func() { cancel(errors.New("the user has left")) }
	_, err := quick.Build(ctx, s)
	require.ErrorContains(t, err, "the user has left")
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

func TestAnObjectIsToldByItsDigestWhereTheDaemonNamesNoVertex(t *testing.T) {
	for _, layers := range []string{"auto", "chain"} {
		s := newStub(map[string]string{"layers": layers})
		s.noVertices, s.fails = true, map[string]string{stubOID("b"): "digest mismatch sha256:" + stubOID("0") + ": sha256:" + stubOID("b")}
		err := buildError(t, s)
		require.ErrorContains(t, err, "fetch x86_64/b.tar.xz", layers)
		require.ErrorContains(t, err, "it answers with status 404", layers)
	}
}
