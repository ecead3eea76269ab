package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lambdabase/frontend"
	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/fstree"
	"lambdabase/test/readme"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// checkoutRequest builds a checkout whose tarballs are pointers: the recipe in a folder of it.
func (h *repoServer) checkoutRequest(t testing.TB, runtime, subdir string, more ...string) sandbox.Request {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, h.CheckoutPointers(runtime, dir))
	attrs := h.options("", append([]string{"filename", "Dockerfile." + runtime}, more...)...)
	context := filepath.Join(dir, subdir)
	return sandbox.Request{Func: frontend.Frontend{}.Build, Attrs: attrs, Dirs: map[string]string{"context": context, "dockerfile": context}}
}

func TestACheckoutOfPointersEqualsTheOracle(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t, sandbox.WithSnapshotter("overlayfs"))
	h := serveUpstream(t, "nodejs20.x", "go1.x")
	byOID := h.URL + "/objects/{oid}"
	for name, tc := range map[string]struct {
		runtime, dir string
		options      []string
	}{
		"by oid":                  {"nodejs20.x", "", []string{"objects", byOID}},
		"by the repository":       {"nodejs20.x", "", nil},
		"a folder":                {"nodejs20.x", "arm64", []string{"platform", "linux/arm64"}},
		"a folder, by oid":        {"nodejs20.x", "arm64", []string{"platform", "linux/arm64", "objects", byOID}},
		"from before the folders": {"go1.x", "", nil},
		"layers one onto another": {"go1.x", "", []string{"layers", "chain"}},
	} {
		t.Run(name, func(t *testing.T) {
			var platform []string
			if tc.dir != "" {
				platform = tc.options[:2]
			}
			requireEqual(t, d, h.oracle(t, tc.runtime, tc.dir, platform...), h.checkoutRequest(t, tc.runtime, tc.dir, tc.options...))
		})
	}
}

func TestACheckoutSharesLayersWithTheRuntime(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	runtime := oneImage(t, d, h.request("nodejs20.x"))
	h.Reset()
	image := oneImage(t, d, h.checkoutRequest(t, "nodejs20.x", ""))
	require.Zero(t, h.Total(githost.Object))
	require.Equal(t, diffIDs(runtime), diffIDs(image))
	require.Equal(t, map[string]string{"lambdabase.runtime": "nodejs20.x"}, imageConfig(t, image).Config.Labels, "a local checkout doesn't tell its commit")
}

func TestAnURLOfGitAsTheContextIsTheSnapshot(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	repository, objects := h.URLs(h.URL)
	want := oneImage(t, d, h.request("nodejs20.x"))
	for _, context := range []string{"#nodejs20.x", "#nodejs20.x:x86_64"} {
		got := oneImage(t, d, sandbox.Request{Func: frontend.Frontend{}.Build, Attrs: map[string]string{
			"context": repository + context, "filename": "Dockerfile.nodejs20.x", "objects": objects,
		}})
		require.Equal(t, want.Digest, got.Digest, context)
	}
}

func TestPointersAndTarballsSideBySide(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t, sandbox.WithSnapshotter("overlayfs"))
	h := serveUpstream(t, "nodejs20.x")
	for _, layers := range []string{"auto", "chain"} {
		req := h.checkoutRequest(t, "nodejs20.x", "", "layers", layers)
		full := t.TempDir()
		require.NoError(t, h.Checkout("nodejs20.x", full))
		real := 0
		tarballs, err := filepath.Glob(full + "/x86_64/*.tar.xz")
		require.NoError(t, err)
		for i, file := range tarballs {
			if i%2 == 0 {
				dt, err := os.ReadFile(file)
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(filepath.Join(req.Dirs["context"], "x86_64", filepath.Base(file)), dt, 0o644))
				real++
			}
		}
		require.Equal(t, 3, real)
		h.Reset()
		d.Prune(t)
		requireEqual(t, d, h.oracle(t, "nodejs20.x", ""), req)
		require.Len(t, h.Counts(), 3, "the others are there")
	}
}

func TestACheckoutWithRealTarballsIsADockerfileLikeAnyOther(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "go1.x")
	oracle := h.oracle(t, "go1.x", "")
	want := oneImage(t, d, oracle)
	oracle.Frontend, oracle.Func = "", frontend.Frontend{}.Build
	got := oneImage(t, d, oracle)
	wantTree, err := want.Tree()
	require.NoError(t, err)
	gotTree, err := got.Tree()
	require.NoError(t, err)
	require.Empty(t, fstree.Diff(wantTree, gotTree))
	require.Equal(t, configOf(t, want), configOf(t, got))
	require.Empty(t, h.Requests())
}

func TestAPointerThatIsAddedAsItIsIsSaid(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "go1.x")
	req := h.checkoutRequest(t, "go1.x", "")
	recipe := filepath.Join(req.Dirs["context"], "Dockerfile.go1.x")
	dt, err := os.ReadFile(recipe)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(recipe, append(dt, "LABEL a=b\n"...), 0o644))
	res, err := d.Solve(t.Context(), t, req)
	require.NoError(t, err)
	require.Len(t, res.Warnings, 5)
	require.Contains(t, string(res.Warnings[0].Short), "is a Git LFS pointer and is added as it is: the Dockerfile is no recipe (Dockerfile.go1.x:19: LABEL: unknown in a recipe")
	require.Equal(t, "Dockerfile.go1.x", res.Warnings[0].SourceInfo.Filename)
}

func TestTheOtherArchitectureIsSaid(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	res, err := d.Solve(t.Context(), t, h.checkoutRequest(t, "nodejs20.x", "", "platform", "linux/arm64"))
	require.NoError(t, err)
	require.Len(t, res.Warnings, 1)
	require.Contains(t, string(res.Warnings[0].Short), "Dockerfile.nodejs20.x adds layers of linux/amd64, and linux/arm64 is built: give --platform linux/amd64")
}

func TestACheckoutIsDatedAsAsked(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "go1.x")
	config := imageConfig(t, oneImage(t, d, h.checkoutRequest(t, "go1.x", "", "build-arg:SOURCE_DATE_EPOCH", "86400")))
	require.Equal(t, time.Unix(86400, 0).UTC(), config.Created.UTC())
	_, err := d.Solve(t.Context(), t, h.checkoutRequest(t, "go1.x", "", "build-arg:SOURCE_DATE_EPOCH", "today"))
	require.ErrorContains(t, err, "invalid SOURCE_DATE_EPOCH")
	_, err = d.Solve(t.Context(), t, h.checkoutRequest(t, "go1.x", "", "requestid", "frontend.convertllb"))
	require.ErrorContains(t, err, "of a checkout with pointers has no answer")
}

func TestACheckoutThatCannotBeBuiltSaysWhy(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "go1.x")
	req := h.checkoutRequest(t, "go1.x", "")
	later, err := sample.Upstream(sample.UpstreamOptions{Scale: 0.001, Branches: []string{"go1.x"}, Release: 1})
	require.NoError(t, err)
	_, err = h.Push(later[0])
	require.NoError(t, err)
	_, err = d.Solve(t.Context(), t, req)
	require.ErrorContains(t, err, "is not on branch go1.x of")
	require.ErrorContains(t, err, "update the checkout, or give objects=lfs, or a template with {oid}")
	readme.Explains(t, err.Error(), "is not on branch ... any more")

	tarballs, err := filepath.Glob(req.Dirs["context"] + "/*.tar.xz")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(tarballs[0], []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"), 0o644))
	_, err = d.Solve(t.Context(), t, req)
	require.ErrorContains(t, err, "invalid Git LFS pointer")
	requireAt(t, err, "Dockerfile.go1.x", 3)
}

func TestATokenInTheContextsURLReachesNoStep(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "go1.x")
	c := newCanaries()
	repository, _ := h.URLs(strings.Replace(h.URL, "http://", "http://"+canaryUser+":"+canaryToken+"@", 1))
	image, _ := frontendImage(t, d)
	_, err := d.Solve(t.Context(), t, sandbox.Request{Frontend: "gateway.v0", Attrs: map[string]string{
		"context": repository + "#go1.x", "filename": "Dockerfile.go1.x", "objects": "lfs", "source": image,
	}})
	require.ErrorContains(t, err, "invalid build context: URL of host 127.0.0.1:")
	require.ErrorContains(t, err, "pass the token as the secret GIT_AUTH_TOKEN.127.0.0.1:")
	c.assertNoneInError(t, err)
	require.Zero(t, h.Total(githost.Batch))
	require.Zero(t, h.Total(githost.Object))
}
