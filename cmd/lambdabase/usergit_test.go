package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lambdabase/internal/lfsstore"
	"lambdabase/internal/usergit"

	"github.com/stretchr/testify/require"
)

// gitWithConfig returns a git with a configuration.
func gitWithConfig(t *testing.T, config string) usergit.Git {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	require.NoError(t, os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(config), 0o600))
	return usergit.Load(t.Context())
}

const (
	helper = "[credential]\n\thelper = \"!f() { echo username=u; echo password=p; }; f\"\n"
	helped = "Basic dTpw"
)

// secretFor returns what the store has for BuildKit's git.
func secretFor(t *testing.T, git usergit.Git, server string) string {
	t.Helper()
	s, err := newSecretStore(nil)
	require.NoError(t, err)
	s.addGitCredentials(t.Context(), git, usergit.Remote{URL: server + "/a.git"}, "")
	value, err := s.GetSecret(t.Context(), s.gitSecretID+"."+strings.TrimPrefix(server, "http://"))
	if err != nil {
		return ""
	}
	return string(value)
}

// A server shows strangers a page to sign in, if they aren't git even those that it would let in.
func TestWhatGitHasIsSentWhereStrangersAreToSignIn(t *testing.T) {
	git := gitWithConfig(t, helper)
	advertise := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
	}
	for name, tc := range map[string]struct {
		stranger func(http.ResponseWriter, *http.Request)
		want     string
	}{
		"401":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, helped},
		"203":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(203) }, helped},
		"302":          {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, helped},
		"a page":       {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/html") }, helped},
		"a public one": {func(w http.ResponseWriter, _ *http.Request) { advertise(w) }, ""},
		"a moved one": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/moved/info/refs", http.StatusMovedPermanently)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case !strings.HasPrefix(r.UserAgent(), "git/"):
					w.WriteHeader(400)
				case r.URL.Path == "/login":
					w.Header().Set("Content-Type", "text/html; charset=utf-8")
				case r.URL.Path == "/moved/info/refs":
					advertise(w)
				default:
					tc.stranger(w, r)
				}
			}))
			defer server.Close()
			require.Equal(t, tc.want, secretFor(t, git, server.URL))
		})
	}
}

// A daemon elsewhere may reach what this machine can't.
func TestWhatGitHasIsThereForARepositoryThatCannotBeReached(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	require.Equal(t, helped, secretFor(t, gitWithConfig(t, helper), server.URL))
}

func TestWhatTheUserNamesForAHostGoesBeforeGitHoweverItIsSpelled(t *testing.T) {
	t.Setenv("A", "named")
	git := gitWithConfig(t, "[http]\n\textraheader = Authorization: Bearer known\n")
	for id, want := range map[string]string{
		"GIT_AUTH_TOKEN.Git.example:8443":   "secret GIT_AUTH_TOKEN.Git.example:8443",
		"GIT_AUTH_TOKEN.git.example:8443":   "secret GIT_AUTH_TOKEN.git.example:8443",
		"GIT_AUTH_HEADER.git.example":       "secret GIT_AUTH_HEADER.git.example",
		"GIT_AUTH_TOKEN":                    "secret GIT_AUTH_TOKEN",
		"HTTP_AUTH_TOKEN_git.example":       "secret HTTP_AUTH_TOKEN_git.example",
		"HTTP_AUTH_HEADER_git.example:8443": "secret HTTP_AUTH_HEADER_git.example:8443",
		"HTTP_AUTH_TOKEN_other.example":     "from your git",
	} {
		for _, server := range []string{"", "https://Git.example:8443/lfs"} {
			s, err := newSecretStore([]string{"id=" + id + ",env=A"})
			require.NoError(t, err)
			s.addGitCredentials(t.Context(), git, usergit.Remote{URL: "https://Git.example:8443/a.git"}, server)
			credentials := lfsstore.Credentials("https://Git.example:8443/a.git", s.source)
			credentials.Describe = s.describe
			_, from := credentials.Authorization(&url.URL{Scheme: "https", Host: "Git.example:8443"})
			require.Equal(t, want, from, server)
		}
	}
}
