package test

import (
	"bytes"
	"path/filepath"
	"testing"

	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/crane"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"
)

// The example in examples/bake, and once more on a runner that is new.
func TestBakeOnANewRunnerFetchesAndPullsNothing(t *testing.T) {
	t.Parallel()
	h := serveUpstream(t, "nodejs20.x", "python3.12")
	r := newPullLog(t)
	first := sandbox.Start(t)
	pushFrontendImage(t, first, r.host)
	for _, tc := range []struct {
		targets, tags []string
	}{
		{[]string{"node", "python"}, []string{"base:nodejs20.x-amd64", "base:nodejs20.x-arm64", "base:python3.12-amd64", "base:python3.12-arm64"}},
		{[]string{"function"}, []string{"function:amd64", "function:arm64"}},
	} {
		h.Reset()
		bakeExample(t, newBuildx(t, first), h, r.host, tc.targets...)
		for object, times := range h.Counts() {
			require.Equal(t, 1, times, object)
		}
		want := digestsOf(t, r.host, tc.tags)

		h.Reset()
		r.reset()
		progress := bakeExample(t, newBuildx(t, sandbox.Start(t)), h, r.host, tc.targets...)
		require.Equal(t, want, digestsOf(t, r.host, tc.tags))
		require.Zero(t, h.Total(githost.Object), progress)
		for _, tag := range tc.tags {
			require.Zero(t, r.layersPulled(t, r.host+"/"+tag), tag+"\n"+progress)
		}
	}
	plain := oneImage(t, first, h.request("nodejs20.x"))
	config, err := crane.Config(r.host + "/base:nodejs20.x-amd64")
	require.NoError(t, err)
	require.Equal(t, string(plain.Config), string(config))
	dt, err := crane.Manifest(r.host + "/base:nodejs20.x-amd64")
	require.NoError(t, err)
	manifest, err := v1.ParseManifest(bytes.NewReader(dt))
	require.NoError(t, err)
	require.Equal(t, must(h.Commit("nodejs20.x")), manifest.Annotations["org.opencontainers.image.revision"])
}

// bakeExample builds and pushes what the example has of the runtimes of the host.
func bakeExample(t *testing.T, x buildx, h *repoServer, registry string, targets ...string) (progress string) {
	t.Helper()
	dir, err := filepath.Abs("../examples/bake")
	require.NoError(t, err)
	x.dir = dir
	x.env = []string{"REGISTRY=" + registry, "NODE=nodejs20.x", "PYTHON=python3.12", "FUNCTION=nodejs20.x"}
	args := []string{"bake", "--builder=sandbox", "--progress=plain", "--push"}
	return x.run(t, append(append(args, targets...), flags(h.options(""), "--set=*.args.", buildArg)...)...)
}

func digestsOf(t *testing.T, registry string, tags []string) map[string]string {
	t.Helper()
	digests := map[string]string{}
	for _, tag := range tags {
		digests[tag] = must(crane.Digest(registry + "/" + tag))
	}
	return digests
}
