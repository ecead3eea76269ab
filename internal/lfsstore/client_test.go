package lfsstore

import (
	"testing"
	"time"

	"lambdabase/internal/sample/githost"

	"github.com/stretchr/testify/require"
)

const (
	waitFor = 2 * time.Minute // ends only what is hopeless
	tick    = 10 * time.Millisecond
)

// one is a source of secrets with one secret.
func one(id, value string) func(string) (string, bool) {
	return func(asked string) (string, bool) { return value, asked == id }
}

func TestTheServerThatIsNamedIsAsked(t *testing.T) {
	s := newStoreEnv(t)
	from := Remote{Repository: "https://nobody.invalid/a.git", Server: s.source.Repository + "/info/lfs"}
	s.Add(from, s.objects[0])
	text, err := read(s.Store, s.objects[0])
	require.NoError(t, err)
	require.Equal(t, "one", text)
}

func TestASecretIsSentToTheRepositoryAndNotWithASignature(t *testing.T) {
	s := newStoreEnv(t)
	s.server.SetAccess(githost.Access{Accept: []string{"Basic dDprZXk="}})
	client, err := ClientConfig{Secrets: one("GIT_AUTH_HEADER", "Basic dDprZXk=")}.NewClient(s.source)
	require.NoError(t, err)
	require.NoError(t, client.Fetch(t.Context(), t.TempDir(), s.objects))
	for _, r := range s.server.Requests() {
		want := ""
		if r.Kind == githost.Batch {
			want = "Basic dDprZXk="
		}
		require.Equal(t, want, r.Header.Get("Authorization"))
	}
}

func TestASecretThatCannotBeSentIsAnError(t *testing.T) {
	_, err := ClientConfig{Secrets: one("GIT_AUTH_TOKEN", "a\nb")}.NewClient(Remote{Repository: "https://git.example/a.git"})
	require.EqualError(t, err, "secret GIT_AUTH_TOKEN holds a line break or another control character")
}

func TestAnSSHRepositoryNeedsAnAgent(t *testing.T) {
	s := newStoreEnv(t)
	from := Remote{Repository: "git@github.com:a/b.git"}
	s.Add(from, s.objects[0])
	_, err := read(s.Store, s.objects[0])
	require.ErrorContains(t, err, "ask github.com over SSH for its LFS server")
}

func TestTheOriginOfARepositoryIsWhoSecretsAreFor(t *testing.T) {
	for repository, want := range map[string]string{
		"https://git.example/a.git":      "https://git.example",
		"http://git.example:8080/a.git":  "http://git.example:8080",
		"git@git.example:a.git":          "git.example",
		"ssh://git@git.example:22/a.git": "git.example",
		"":                               "",
		"nonsense":                       "",
	} {
		require.Equal(t, want, hostWithScheme(repository), repository)
	}
}
