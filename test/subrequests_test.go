package test

import (
	"encoding/json"
	"testing"

	"lambdabase/frontend/subrequests/runtimes"
	"lambdabase/internal/catalog"
	"lambdabase/internal/document"
	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

func TestRuntimesAreThoseOfTheRepository(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t)
	image, _ := frontendImage(t, d)
	var list runtimes.List
	require.NoError(t, json.Unmarshal([]byte(callSubrequest(t, d, h.request("", "requestid", "lambda.runtimes", "source", image))), &list))
	require.Len(t, list, 33)
	require.Zero(t, h.Total(githost.Object))
	byName := map[string]catalog.Runtime{}
	for _, r := range list {
		byName[r.Name] = r
	}
	commit, err := h.Commit("nodejs20.x")
	require.NoError(t, err)
	require.Equal(t, catalog.Runtime{Name: "nodejs20.x", Platforms: []string{"linux/amd64", "linux/arm64"}, Commit: commit, EndOfSupport: "2026-04-30"}, byName["nodejs20.x"])
	require.Equal(t, []string{"linux/amd64"}, byName["go1.x"].Platforms)

	h.Inject(faults.Target{Kind: githost.Git}, faults.Fault{Status: 500})
	_, err = d.Solve(t.Context(), t, h.request("", "requestid", "lambda.runtimes", "source", image))
	require.ErrorContains(t, err, "branches of "+h.URL)
	require.ErrorContains(t, err, "500")
	h.ClearFaults()

	require.NoError(t, h.Delete("go1.x"))
	require.NoError(t, json.Unmarshal([]byte(callSubrequest(t, d, h.request("", "requestid", "lambda.runtimes", "source", image))), &list))
	require.Len(t, list, 32, "asked anew each time")
}

func TestWithoutAnImageRuntimesAreThoseOfTheCatalogue(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "go1.x")
	var list runtimes.List
	require.NoError(t, json.Unmarshal([]byte(callSubrequest(t, d, h.request("", "requestid", "frontend.lambda.runtimes"))), &list))
	require.Greater(t, len(list), 33)
	for _, r := range list {
		require.True(t, r.FromCatalog, "marked as such")
		require.Empty(t, r.Commit)
	}
	require.Empty(t, h.Requests())
}

func TestAPlanSaysWhatWouldBeFetchedAndFetchesNothing(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	var p document.Snapshot
	require.NoError(t, json.Unmarshal([]byte(callSubrequest(t, d, h.request("nodejs20.x", "requestid", "frontend.lambda.plan", "platform", "linux/amd64,linux/arm64"))), &p))
	require.Zero(t, h.Total(githost.Object))
	require.Equal(t, "nodejs20.x", p.Runtime)
	require.Len(t, p.Platforms, 2)
	require.Equal(t, "x86_64/Dockerfile.nodejs20.x", p.Platforms[0].Recipe.Path)
	require.Len(t, p.Platforms[0].Layers, 6)

	_, err := d.Solve(t.Context(), t, h.request("nodejs20.x", "platform", "linux/amd64,linux/arm64", "commit", p.Commit))
	require.NoError(t, err)
	var size int64
	for _, r := range h.Requests() {
		if r.Kind == githost.Object {
			size += r.Bytes
		}
	}
	var planned int64
	for _, o := range p.Objects() {
		planned += o.Size
	}
	require.Equal(t, planned, size)
	require.Len(t, p.Objects(), h.Total(githost.Object))

	_, err = d.Solve(t.Context(), t, h.request("", "requestid", "lambda.plan"))
	require.ErrorContains(t, err, "call lambda.plan needs option runtime")
}

func TestOwnCallsAreDescribed(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "go1.x")
	of := func(req sandbox.Request) string {
		req.Attrs["requestid"] = "frontend.subrequests.describe"
		return callSubrequest(t, d, req)
	}
	for _, answer := range []string{of(h.request("go1.x")), of(h.functionRequest(t, map[string]string{"Dockerfile": "FROM scratch\n"}))} {
		require.Contains(t, answer, "frontend.lambda.runtimes")
		require.Contains(t, answer, "frontend.lambda.plan")
	}
	require.Contains(t, of(h.functionRequest(t, map[string]string{"Dockerfile": "FROM scratch\n"})), "frontend.outline")
}

func TestCallsThroughBuildx(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "go1.x", "nodejs20.x")
	image, _ := frontendImage(t, d)
	x := newBuildx(t, d)
	args := append([]string{"build", "--builder=sandbox", "--build-arg=BUILDKIT_SYNTAX=" + image}, flags(h.options(""), "--build-arg=", buildArg)...)
	out := x.run(t, append(args, "--call=lambda.runtimes", t.TempDir())...)
	require.Regexp(t, `(?m)^go1\.x +linux/amd64 +[0-9a-f]{40} +2024-01-08$`, out)
	out = x.run(t, append(args, "--call=lambda.plan", "--build-arg=LAMBDABASE_RUNTIME=nodejs20.x", t.TempDir())...)
	require.Contains(t, out, "to fetch    6 objects")
	require.Contains(t, out, "x86_64/Dockerfile.nodejs20.x")
}
