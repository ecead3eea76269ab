package test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"lambdabase/frontend"
	"lambdabase/internal/sample"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	"github.com/stretchr/testify/require"
)

func TestFaultsOfTheObjectServerAreTold(t *testing.T) {
	d := sandbox.Start(t)
	h := upstream(t, "provided.al2023")
	for name, tc := range map[string]struct {
		fault sample.Fault
		want  string
	}{
		"not found":         {sample.Fault{Status: 404}, "it answers with status 404, not found"},
		"unauthorized":      {sample.Fault{Status: 401}, "it answers with status 401, unauthorized"},
		"too many requests": {sample.Fault{Status: 429, Header: http.Header{"Retry-After": {"3600"}}}, "it answers with status 429, too many requests"},
		"server error":      {sample.Fault{Status: 503}, "it answers with status 503, server error: try again later"},
		"corrupt":           {sample.Fault{Corrupt: true}, "it sent something else, sha256:"},
		"oversize":          {sample.Fault{Oversize: 100}, "it sent something else, sha256:"},
		"cut":               {sample.Fault{Cut: 100}, "unexpected EOF"},
		"an error page":     {sample.Fault{Status: 200, Body: "<html>maintenance</html>"}, "it sent something else, sha256:"},
		"a signed redirect": {sample.Fault{Status: 302, Header: http.Header{"Location": {"http://127.0.0.1:1/x?X-Amz-Signature=" + sample.Signature}}}, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			h.Heal()
			h.Inject(sample.Target{Kind: sample.Object}, tc.fault)
			defer h.Heal()
			for _, layers := range []string{"auto", "chain"} {
				_, err := d.Solve(t.Context(), t, h.request("provided.al2023", "layers", layers, "no-cache", ""))
				require.ErrorContains(t, err, tc.want)
				require.ErrorContains(t, err, "(object sha256:")
				require.NotContains(t, err.Error(), sample.Signature)
				require.NotContains(t, err.Error(), "digest mismatch", "which says nothing")
			}
		})
	}
	_, err := d.Solve(t.Context(), t, h.request("provided.al2023", "no-cache", ""))
	require.NoError(t, err, "a failure is not kept")
}

func TestABuildThatIsEndedEndsAtOnce(t *testing.T) {
	d := sandbox.Start(t)
	h := upstream(t, "provided.al2023")
	h.Inject(sample.Target{Kind: sample.Object}, sample.Fault{Delay: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	start := time.Now()
	_, err := d.Solve(ctx, t, h.request("provided.al2023"))
	require.Error(t, err)
	require.Less(t, time.Since(start), 20*time.Second)
}

func TestARepositoryThatIsNotThereSaysWhatToDo(t *testing.T) {
	d := sandbox.Start(t)
	h := upstream(t, "provided.al2023")
	for _, status := range []int{401, 403, 404} {
		h.Heal()
		h.Inject(sample.Target{Kind: sample.Git}, sample.Fault{Status: status})
		_, err := d.Solve(t.Context(), t, h.request("provided.al2023"))
		require.ErrorContains(t, err, "the repository isn't there, or is private (pass a token as the secret GIT_AUTH_TOKEN", "%d", status)
	}
}

// older is a daemon as one before v0.10 is: it merges nothing, and tells no git metadata.
type older struct{ gateway.Client }

func (o older) BuildOpts() gateway.BuildOpts {
	opts := o.Client.BuildOpts()
	caps := slices.DeleteFunc(pb.Caps.All(), func(c *apicaps.PBCap) bool { return c.ID == string(pb.CapMergeOp) })
	opts.LLBCaps = pb.Caps.CapSet(caps)
	return opts
}

func (o older) ResolveSourceMetadata(_ context.Context, op *pb.SourceOp, _ sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	return &sourceresolver.MetaResponse{Op: op}, nil
}

func TestWithoutNewCapabilitiesTheImageIsTheSame(t *testing.T) {
	d := sandbox.Start(t)
	h := upstream(t, "nodejs20.x")
	build := func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		return frontend.Frontend{}.Build(ctx, older{c})
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
