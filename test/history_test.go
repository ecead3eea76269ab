package test

import (
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// Two bases of which one's layers begin the other's, and the other's last one is empty: the line of an empty tar must not
// be taken for that of a layer, nor the user's layer for an empty one.
func TestABaseThatBeginsAsAnotherKeepsItsOwnHistory(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	first := compress(t, packTar(t, append([]entry{file("a", "1")}, taskDirs...)...))
	h := serve(t, []sample.Branch{newBranch("nodejs20.x", first, compress(t, packTar(t))), newBranch("provided.al2023", first)})
	for range 10 {
		image := oneImage(t, d, h.functionRequest(t, map[string]string{
			"Dockerfile": "FROM nodejs20.x\nCOPY --from=provided.al2023 /a /b\nCOPY Dockerfile /\n",
		}))
		config := imageConfig(t, image)
		require.Len(t, config.RootFS.DiffIDs, 3)
		require.Len(t, config.History, 4)
		for i, empty := range []bool{false, true, false, false} {
			require.Equal(t, empty, config.History[i].EmptyLayer, "%+v", config.History[i])
			require.Empty(t, config.History[i].Author)
		}
	}
}
