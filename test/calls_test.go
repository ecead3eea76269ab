package test

import (
	"context"
	"sync"
	"testing"
	"time"

	"lambdabase/frontend"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// calls are what a frontend asks a daemon for, by kind.
type calls struct {
	mu    sync.Mutex
	kinds map[string]int
}

func (c *calls) add(kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kinds[kind]++
}

func (c *calls) total() (n int) {
	for _, of := range c.kinds {
		n += of
	}
	return n
}

// countedClient is a daemon whose calls are counted.
type countedClient struct {
	gateway.Client
	calls *calls
}

func (c countedClient) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	c.calls.add("Solve")
	res, err := c.Client.Solve(ctx, req)
	if err != nil {
		return nil, err
	}
	if res.Ref != nil {
		res.SetRef(countedRef{res.Ref, c.calls})
	}
	return res, nil
}

func (c countedClient) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, opt sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	c.calls.add("ResolveSourceMetadata")
	return c.Client.ResolveSourceMetadata(ctx, op, opt)
}

func (c countedClient) ResolveImageConfig(ctx context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	c.calls.add("ResolveImageConfig")
	return c.Client.ResolveImageConfig(ctx, ref, opt)
}

func (c countedClient) Inputs(ctx context.Context) (map[string]llb.State, error) {
	c.calls.add("Inputs")
	return c.Client.Inputs(ctx)
}

func (c countedClient) Warn(ctx context.Context, vertex digest.Digest, msg string, opts gateway.WarnOpts) error {
	c.calls.add("Warn")
	return c.Client.Warn(ctx, vertex, msg, opts)
}

type countedRef struct {
	gateway.Reference
	calls *calls
}

func (r countedRef) ReadFile(ctx context.Context, req gateway.ReadRequest) ([]byte, error) {
	r.calls.add("ReadFile")
	return r.Reference.ReadFile(ctx, req)
}

func (r countedRef) ReadDir(ctx context.Context, req gateway.ReadDirRequest) ([]*fstypes.Stat, error) {
	r.calls.add("ReadDir")
	return r.Reference.ReadDir(ctx, req)
}

func (r countedRef) StatFile(ctx context.Context, req gateway.StatRequest) (*fstypes.Stat, error) {
	r.calls.add("StatFile")
	return r.Reference.StatFile(ctx, req)
}

// countCalls builds a base image, and counts what the frontend asks the daemon for.
func countCalls(t *testing.T, d *sandbox.Daemon, f frontend.Frontend, req sandbox.Request) *calls {
	t.Helper()
	counted := &calls{kinds: map[string]int{}}
	req.Func = func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		res, err := f.Build(ctx, countedClient{c, counted})
		if err != nil {
			return nil, err
		}
		res.SetRef(res.Ref.(countedRef).Reference)
		return res, nil
	}
	_, err := d.Solve(t.Context(), t, req)
	require.NoError(t, err)
	return counted
}

// kept are verdicts in memory.
type kept struct{ sync.Map }

func (k *kept) Has(key string) bool {
	_, ok := k.Load(key)
	return ok
}

func (k *kept) Add(key string) { k.Store(key, true) }

func TestAWarmBuildAsksForLittle(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	commit, err := h.Commit("nodejs20.x")
	require.NoError(t, err)
	head, pinned := h.request("nodejs20.x"), h.request("nodejs20.x", "commit", commit)
	byCommand, byImage := frontend.Frontend{Verdicts: &kept{}, CacheTimeout: time.Hour}, frontend.Frontend{}
	for _, build := range []struct {
		name string
		by   frontend.Frontend
		req  sandbox.Request
		most int
	}{
		{"cold, by the command", byCommand, head, 111},
		{"warm, by the command", byCommand, head, 18},
		{"pinned, by the command", byCommand, pinned, 17},
		{"warm", byImage, head, 111},
		{"pinned", byImage, pinned, 110},
	} {
		got := countCalls(t, d, build.by, build.req)
		t.Log(build.name, got.total(), got.kinds)
		require.LessOrEqual(t, got.total(), build.most, "%s: %v", build.name, got.kinds)
	}
	d.Prune(t)
}
