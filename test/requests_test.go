package test

import (
	"strings"
	"sync"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFourRuntimesAtOnceFetchEveryObjectOnce(t *testing.T) {
	t.Parallel()
	runtimes := []string{"nodejs18.x", "nodejs20.x", "python3.11", "java21"}
	h := serveUpstream(t, runtimes...)
	d := sandbox.Start(t)

	buildAll(t, d, h, runtimes, nil)
	counts := h.Counts()
	for oid, n := range counts {
		require.Equal(t, 1, n, "object %s", oid)
	}
	require.Len(t, counts, len(distinctObjects(t, "linux/amd64", runtimes...)), "what four runtimes share is fetched once")

	h.Reset()
	buildAll(t, d, h, runtimes, nil)
	require.Zero(t, h.Total(githost.Object), "the second build fetches nothing")
	require.LessOrEqual(t, h.Total(githost.Git), 2*len(runtimes), "and asks for the head of each branch")

	h.Reset()
	buildAll(t, d, h, runtimes, func(runtime string) []string {
		commit, err := h.Commit(runtime)
		require.NoError(t, err)
		return []string{"commit", commit}
	})
	require.Empty(t, h.Requests(), "a pinned commit that the daemon has needs no request at all")
}

func TestBothPlatformsAtOnceFetchEveryObjectOnce(t *testing.T) {
	t.Parallel()
	h := serveUpstream(t, "nodejs20.x")
	d := sandbox.Start(t)
	images, err := d.OCI(t, h.request("nodejs20.x", "platform", "linux/amd64,linux/arm64"))
	require.NoError(t, err)
	require.Len(t, images, 2)
	require.Len(t, h.Counts(), 12)
	for oid, n := range h.Counts() {
		require.Equal(t, 1, n, "object %s", oid)
	}
}

func TestWithoutCacheEveryObjectIsFetchedOnceMore(t *testing.T) {
	t.Parallel()
	h := serveUpstream(t, "provided.al2023")
	d := sandbox.Start(t)
	for range 2 {
		h.Reset()
		_, err := d.Solve(t.Context(), t, h.request("provided.al2023", "no-cache", ""))
		require.NoError(t, err)
		require.Len(t, h.Counts(), 4)
		for oid, n := range h.Counts() {
			require.Equal(t, 1, n, "object %s", oid)
		}
	}
}

func TestAMirrorSharesWhatUpstreamWasFetchedFor(t *testing.T) {
	t.Parallel()
	h := serveUpstream(t, "nodejs20.x", "nodejs18.x")
	d := sandbox.Start(t)
	_, err := d.Solve(t.Context(), t, h.request("nodejs20.x"))
	require.NoError(t, err)
	h.Reset()
	_, err = d.Solve(t.Context(), t, h.request("nodejs20.x", "objects", h.URL+"/objects/{oid0}/{oid1}/{oid}"))
	require.NoError(t, err)
	require.Zero(t, h.Total(githost.Object), "another URL of the same object is not another object")
}

func TestAnImportedCacheServesOtherRuntimes(t *testing.T) {
	t.Parallel()
	h := serveUpstream(t, "nodejs18.x", "nodejs20.x")
	registry := sandbox.Registry(t)
	cache := []client.CacheOptionsEntry{{Type: "registry", Attrs: map[string]string{"ref": registry + "/cache", "mode": "max"}}}
	first := h.request("nodejs18.x")
	first.CacheExports = cache
	_, err := sandbox.Start(t).Solve(t.Context(), t, first)
	require.NoError(t, err)

	for _, tc := range []struct {
		runtime string
		fetched int
	}{{"nodejs18.x", 0}, {"nodejs20.x", len(distinctObjects(t, "linux/amd64", "nodejs18.x", "nodejs20.x")) - len(distinctObjects(t, "linux/amd64", "nodejs18.x"))}} {
		h.Reset()
		req := h.request(tc.runtime)
		req.CacheImports = cache
		_, err := sandbox.Start(t).OCI(t, req)
		require.NoError(t, err)
		require.Len(t, h.Counts(), tc.fetched, "%s on a daemon that has nothing but the imported cache", tc.runtime)
	}
}

// buildAll builds runtimes at the same time, by a client each as CI would.
func buildAll(t *testing.T, d *sandbox.Daemon, h *repoServer, runtimes []string, more func(runtime string) []string) {
	t.Helper()
	var wg sync.WaitGroup
	for _, r := range runtimes {
		var options []string
		if more != nil {
			options = more(r)
		}
		wg.Go(func() {
			_, err := d.Solve(t.Context(), t, h.request(r, options...))
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	require.False(t, t.Failed())
}

// distinctObjects are the objects of some runtimes on one platform.
func distinctObjects(t *testing.T, platform string, runtimes ...string) map[string]bool {
	t.Helper()
	branches, err := sample.Upstream(sample.UpstreamOptions{Branches: runtimes})
	require.NoError(t, err)
	dir := map[string]string{"linux/amd64": "x86_64", "linux/arm64": "arm64"}[platform]
	objects := map[string]bool{}
	for _, b := range branches {
		for name, content := range b.LFS {
			if strings.HasPrefix(name, dir+"/") {
				objects[string(content)] = true
			}
		}
	}
	return objects
}
