package test

import (
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// chained are the runtimes that are built with layers=chain too: one of each shape.
var chained = []string{"nodejs20.x", "dotnet8", "go1.x"}

func TestEveryBaseImageEqualsTheOracle(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t, sandbox.WithSnapshotter("overlayfs"))
	branches, err := sample.Upstream(sample.UpstreamOptions{Scale: 0.001})
	require.NoError(t, err)
	h := serve(t, branches)
	type image struct{ runtime, platform, dir string }
	images := map[string]image{}
	for _, b := range branches {
		for platform, dir := range platformsOf(b) {
			images[b.Name+" "+platform] = image{b.Name, platform, dir}
		}
	}
	require.Len(t, images, 56)
	atOnce(t, images, func(t *testing.T, _ string, i image) {
		want := exportAll(t, d, h.oracle(t, i.runtime, i.dir, "platform", i.platform))
		requireExports(t, want, d, h.request(i.runtime, "platform", i.platform))
		if slices.Contains(chained, i.runtime) {
			requireExports(t, want, d, h.request(i.runtime, "platform", i.platform, "layers", "chain"))
		}
	})
}

// atOnce runs a test for each case, some at the same time: a build leaves processors to others while it waits for its
// programs and for the disk. t.Parallel would have other tests wait for the end of all that is parallel.
func atOnce[T any](t *testing.T, cases map[string]T, test func(t *testing.T, name string, c T)) {
	var all errgroup.Group
	all.SetLimit(2 * runtime.GOMAXPROCS(0))
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		all.Go(func() error {
			t.Run(name, func(t *testing.T) { test(t, name, cases[name]) })
			return nil
		})
	}
	_ = all.Wait()
}

// platformsOf are a branch's platforms, and the folder in which upstream's instructions build each: x86_64 at the root.
func platformsOf(b sample.Branch) map[string]string {
	platforms := map[string]string{"linux/amd64": ""}
	for name := range b.Files {
		if strings.HasPrefix(name, "arm64/") {
			platforms["linux/arm64"] = "arm64"
		}
	}
	return platforms
}
