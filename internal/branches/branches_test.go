package branches

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lambdabase/internal/catalog"
	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"

	"github.com/stretchr/testify/require"
)

func TestEveryBranchWithARecipeIsARuntime(t *testing.T) {
	made, err := sample.Upstream(sample.UpstreamOptions{Branches: []string{"nodejs20.x", "go1.x"}})
	require.NoError(t, err)
	made = append(made, sample.Branch{Name: "docs", Date: made[0].Date, Files: map[string][]byte{"README.md": nil}},
		sample.Branch{Name: "mixed", Date: made[0].Date, Files: map[string][]byte{"Dockerfile.a": nil, "Dockerfile.b": nil}})
	server := serve(t, made...)
	url := server.RepositoryURL()

	got, err := List(context.Background(), Remote{URL: url})
	require.NoError(t, err)
	require.Len(t, got, 2)
	for i, want := range []catalog.Runtime{{Name: "go1.x", Platforms: []string{"linux/amd64"}}, {Name: "nodejs20.x", Platforms: []string{"linux/amd64", "linux/arm64"}}} {
		want.Commit, err = server.Commit(want.Name)
		require.NoError(t, err)
		require.NotZero(t, got[i].Size)
		want.Date, want.Size = made[i].Date.UTC(), got[i].Size
		require.Equal(t, want, got[i])
	}
	require.Zero(t, server.Total(githost.Object))

	_, err = List(context.Background(), Remote{URL: url + "-not-there"})
	require.ErrorContains(t, err, "pass a token as the secret GIT_AUTH_TOKEN.127.0.0.1:")
}

func TestABadBranchEndsNoList(t *testing.T) {
	made, err := sample.Upstream(sample.UpstreamOptions{Scale: 0.001, Branches: []string{"nodejs20.x", "go1.x"}})
	require.NoError(t, err)
	late := made[0]
	late.Name, late.Date = "late", time.Unix(253402300800, 0)
	late.Files = maps.Clone(late.Files)
	late.Files["Dockerfile.late"] = late.Files["Dockerfile.nodejs20.x"]
	server := serve(t, append(made, late)...)
	want, err := List(t.Context(), Remote{URL: server.RepositoryURL()})
	require.NoError(t, err)
	require.Len(t, want, 3)
	require.Equal(t, "late", want[1].Name)
	require.Zero(t, want[1].Date, "a date that no image can have")
	require.NotEmpty(t, want[1].Platforms)
	_, err = json.Marshal(want)
	require.NoError(t, err)

	server.git(t, "-c", "user.name=a", "-c", "user.email=a@example.com", "tag", "-a", "-m", "x", "t", "go1.x")
	for name, object := range map[string]string{"a-tag": "t", "a-tree": "go1.x^{tree}", "a-blob": "go1.x:Dockerfile.go1.x"} {
		id := server.gitOutput(t, "rev-parse", object)
		file := filepath.Join(server.Dir, "repo.git/refs/heads", name)
		require.NoError(t, os.WriteFile(file, []byte(id+"\n"), 0o600))
	}
	got, err := List(t.Context(), Remote{URL: server.RepositoryURL()})
	require.NoError(t, err)
	require.Equal(t, want, got)

	for _, name := range []string{"late", "go1.x", "nodejs20.x", "main"} {
		require.NoError(t, server.Delete(name))
	}
	_, err = List(t.Context(), Remote{URL: server.RepositoryURL()})
	require.ErrorContains(t, err, "branch a-blob: ")
}

func TestAListIsKeptUntilABranchChanges(t *testing.T) {
	made, err := sample.Upstream(sample.UpstreamOptions{Scale: 0.001, Branches: []string{"nodejs20.x", "go1.x"}})
	require.NoError(t, err)
	server := serve(t, made...)
	url := server.RepositoryURL()
	file := filepath.Join(t.TempDir(), "list.json")
	cached := func(requests int) []catalog.Runtime {
		t.Helper()
		server.Reset()
		list, err := ListCached(context.Background(), Remote{URL: url}, file)
		require.NoError(t, err)
		if requests > 0 {
			require.Equal(t, requests, server.Total(githost.Git))
		} else {
			require.Greater(t, server.Total(githost.Git), 1)
		}
		fresh, err := List(context.Background(), Remote{URL: url})
		require.NoError(t, err)
		require.Equal(t, fresh, list)
		return list
	}
	const many = 0
	first := cached(many)
	require.EqualValues(t, 80288, first[1].Size)
	require.Equal(t, made[0].Date.UTC(), map[string]catalog.Runtime{first[0].Name: first[0], first[1].Name: first[1]}[made[0].Name].Date)
	require.Equal(t, first, cached(1))
	require.Equal(t, first, cached(1))

	for what, change := range map[string]func(){
		"pushed":            func() { made[0].Date = made[0].Date.AddDate(1, 0, 0); must(server.Push(made[0])) },
		"new":               func() { b := made[1]; b.Name = "go2.x"; must(server.Push(b)) },
		"gone":              func() { require.NoError(t, server.Delete(made[1].Name)) },
		"damaged":           func() { require.NoError(t, os.WriteFile(file, []byte(`{"Heads":{`), 0o600)) },
		"older":             func() { rewrite(t, file, `"Version":1`, `"Version":0`) },
		"newer":             func() { rewrite(t, file, `"Version":1`, `"Version":2`) },
		"without a version": func() { rewrite(t, file, `"Version":1,`, ``) },
		"empty":             func() { require.NoError(t, os.WriteFile(file, nil, 0o600)) },
		"removed":           func() { require.NoError(t, os.Remove(file)) },
	} {
		change()
		t.Log(what)
		cached(many)
		cached(1)
	}

	server.Close()
	_, err = ListCached(context.Background(), Remote{URL: url}, file)
	require.ErrorContains(t, err, "connection refused", "what was kept is not taken for what is there")
}

// rewrite changes a text of a file, and what it tells: so that it shows where that is taken for true.
func rewrite(t *testing.T, file, from, to string) {
	t.Helper()
	dt, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(dt), from)
	text := strings.Replace(string(dt), from, to, 1)
	require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(text, "linux/amd64", "linux/other")), 0o600))
	_, ok := ReadCached(file)
	require.False(t, ok)
}

func must(_ string, err error) {
	if err != nil {
		panic(err)
	}
}
