package frontend

import (
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/stretchr/testify/require"
)

// BuildKit v0.33.1 panics where a git source that failed is asked for again in the same build.
func TestAGitSourceThatFailedIsNotAskedForAgain(t *testing.T) {
	s := newStub(nil)
	bc, err := dockerui.NewClient(s)
	require.NoError(t, err)
	r, err := newRequest(bc, Options{Repository: Upstream}, Frontend{})
	require.NoError(t, err)
	for range 2 {
		for _, runtime := range []string{"nodejs98.x", "nodejs99.x"} {
			_, err := r.resolveHead(t.Context(), r.remote, runtime)
			require.ErrorContains(t, err, "no runtime "+runtime)
		}
	}
	asked := map[string]int{}
	for _, source := range s.resolved {
		_, ref, _ := strings.Cut(source, "#")
		asked[ref]++
	}
	require.Equal(t, map[string]int{"refs/heads/nodejs98.x": 1, "refs/heads/nodejs99.x": 1, "": 1}, asked)
}
