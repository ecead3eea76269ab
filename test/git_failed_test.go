package test

import (
	"testing"

	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// BuildKit v0.33.1 panics where a git source that failed is asked for again in the same build: several bases and platforms
// that aren't there, and a context that isn't.
func TestWhatIsNotInARepositoryHarmsNoDaemon(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveRunnable(t)
	const bases = "FROM nodejs98.x AS a\nFROM nodejs99.x AS b\nFROM nodejs20.x\nCOPY --from=a / /a\nCOPY --from=b / /b\n"
	missing := h.functionRequest(t, map[string]string{"Dockerfile": bases}, "platform", "linux/amd64,linux/arm64")
	for range 5 { // in whatever order they are asked for
		_, err := d.Solve(t.Context(), t, missing)
		require.ErrorContains(t, err, "no runtime nodejs9")
	}
	context := h.functionRequest(t, nil, "context", h.URL+"/aws/aws-lambda-base-images.git#missing")
	context.Dirs = nil
	_, err := d.Solve(t.Context(), t, context)
	require.ErrorContains(t, err, "failed to read dockerfile: failed to load cache key: repository does not contain ref missing")
	_, err = d.Solve(t.Context(), t, h.request("nodejs20.x"))
	require.NoError(t, err)
}
