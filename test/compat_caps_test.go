package test

import (
	"context"
	"slices"
	"testing"

	"lambdabase/frontend"
	"lambdabase/internal/sample"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	"github.com/stretchr/testify/require"
)

// oldClient is a daemon as one before v0.10 is: it merges nothing, and tells no git metadata.
type oldClient struct{ gateway.Client }

func (o oldClient) BuildOpts() gateway.BuildOpts {
	opts := o.Client.BuildOpts()
	caps := slices.DeleteFunc(pb.Caps.All(), func(c *apicaps.PBCap) bool { return c.ID == string(pb.CapMergeOp) })
	opts.LLBCaps = pb.Caps.CapSet(caps)
	return opts
}

func (o oldClient) ResolveSourceMetadata(_ context.Context, op *pb.SourceOp, _ sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	return &sourceresolver.MetaResponse{Op: op}, nil
}

func TestWithoutNewCapabilitiesTheImageIsTheSame(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	build := func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		return frontend.Frontend{}.Build(ctx, oldClient{c})
	}
	for range 2 {
		req := h.request("nodejs20.x")
		want, err := d.Local(t, h.request("nodejs20.x", "layers", "chain"))
		require.NoError(t, err)
		req.Func = build
		got, err := d.Local(t, req)
		require.NoError(t, err)
		require.Equal(t, want, got)
		commit, err := h.Commit("nodejs20.x")
		require.NoError(t, err)
		require.Equal(t, commit, imageConfig(t, oneImage(t, d, req)).Config.Labels["lambdabase.commit"])

		later, err := sample.Upstream(sample.UpstreamOptions{Branches: []string{"nodejs20.x"}, Release: 1})
		require.NoError(t, err)
		_, err = h.Push(later[0]) // the second time it is the replaced branch
		require.NoError(t, err)
	}
}
