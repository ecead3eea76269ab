package branches

import (
	"context"
	"net/http/httptest"
	"testing"

	"lambdabase/internal/sample"

	"github.com/stretchr/testify/require"
)

func TestEveryBranchWithARecipeIsARuntime(t *testing.T) {
	made, err := sample.Upstream(sample.UpstreamOptions{Branches: []string{"nodejs20.x", "go1.x"}})
	require.NoError(t, err)
	made = append(made, sample.Branch{Name: "docs", Date: made[0].Date, Files: map[string][]byte{"README.md": nil}},
		sample.Branch{Name: "mixed", Date: made[0].Date, Files: map[string][]byte{"Dockerfile.a": nil, "Dockerfile.b": nil}})
	repository, err := sample.Create(t.TempDir(), made)
	require.NoError(t, err)
	server := sample.NewServer(repository)
	host := httptest.NewServer(server)
	defer host.Close()
	url, _ := server.URLs(host.URL)

	got, err := List(context.Background(), Remote{URL: url})
	require.NoError(t, err)
	require.Len(t, got, 2)
	for i, want := range []Runtime{{Name: "go1.x", Platforms: []string{"linux/amd64"}}, {Name: "nodejs20.x", Platforms: []string{"linux/amd64", "linux/arm64"}}} {
		want.Commit, err = repository.Commit(want.Name)
		require.NoError(t, err)
		require.NotZero(t, got[i].Size)
		want.Date, want.Size = made[i].Date.UTC(), got[i].Size
		require.Equal(t, want, got[i])
	}
	require.Zero(t, server.Total(sample.Object))

	_, err = List(context.Background(), Remote{URL: url + "-not-there"})
	require.ErrorContains(t, err, "pass a token as the secret GIT_AUTH_TOKEN.127.0.0.1:")
}
