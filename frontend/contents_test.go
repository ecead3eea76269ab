package frontend

import (
	"context"
	"testing"
	"time"

	"lambdabase/internal/document"
	"lambdabase/internal/sample"

	"github.com/containerd/platforms"
	"github.com/stretchr/testify/require"
)

// datedContents are those of a tree without its .git.
type datedContents struct{ *treeContents }

func (datedContents) date(context.Context) (time.Time, error) {
	return time.Unix(1728915339, 0).UTC(), nil
}

func TestAPlanIsTheSameByTreeAndByDocument(t *testing.T) {
	made, err := sample.Upstream(sample.UpstreamOptions{Scale: 0.0001})
	require.NoError(t, err)
	repository, err := sample.Create(t.TempDir(), made)
	require.NoError(t, err)
	r, err := quick.readRequest(t.Context(), newStub(nil))
	require.NoError(t, err)
	images := 0
	for _, branch := range made {
		dir := t.TempDir()
		require.NoError(t, repository.CheckoutPointers(branch.Name, dir))
		commit, err := repository.Commit(branch.Name)
		require.NoError(t, err)
		byTree, err := r.openSnapshot(t.Context(), r.remote, branch.Name, commit,
			datedContents{&treeContents{tree: &tree{ref: dirRef{dir: dir}}, runtime: branch.Name, commit: commit}})
		require.NoError(t, err)
		d, err := byTree.document(t.Context())
		require.NoError(t, err)
		dt, err := d.Marshal()
		require.NoError(t, err)
		read, err := document.ParseSnapshot(branch.Name, dt)
		require.NoError(t, err)
		byDocument, err := r.openSnapshot(t.Context(), r.remote, branch.Name, commit, documentContents{read, "a document"})
		require.NoError(t, err)
		for _, name := range read.PlatformNames() {
			platform, err := platforms.Parse(name)
			require.NoError(t, err)
			want, err := byTree.plan(t.Context(), platform)
			require.NoError(t, err)
			got, err := byDocument.plan(t.Context(), platform)
			require.NoError(t, err)
			require.Equal(t, want, got)
			images++
		}
	}
	require.Equal(t, 56, images)
}
