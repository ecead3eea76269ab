package usergit

import (
	"context"
	"encoding/base64"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"lambdabase/test/readme"

	"github.com/stretchr/testify/require"
)

// atHome gives git a configuration, and libcurl a .netrc.
func atHome(t *testing.T, config, netrc string) Git {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "none"))
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	t.Chdir(home)
	require.NoError(t, os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(config), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(home, ".netrc"), []byte(netrc), 0o600))
	return Load(t.Context())
}

func parse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	require.NoError(t, err)
	return u
}

func basicOf(userPassword string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(userPassword))
}

const repository = "https://git.example/o/r.git"

func TestTheHeaderIsTheOneThatGitSends(t *testing.T) {
	for name, tc := range map[string]struct{ config, url, want string }{
		"of everything":       {"[http]\n\textraheader = Authorization: Basic YQ==\n", repository, "Basic YQ=="},
		"of the host":         {"[http \"https://git.example/\"]\n\textraheader = AUTHORIZATION: bearer t\n", repository, "bearer t"},
		"of the path":         {"[http \"https://git.example/o\"]\n\textraheader = Authorization: Bearer t\n", repository, "Bearer t"},
		"of another path":     {"[http \"https://git.example/p\"]\n\textraheader = Authorization: Bearer t\n", repository, ""},
		"of another host":     {"[http \"https://other.example/\"]\n\textraheader = Authorization: Bearer t\n", repository, ""},
		"of another port":     {"[http \"https://git.example/\"]\n\textraheader = Authorization: Bearer t\n", "https://git.example:8443/o/r.git", ""},
		"of hosts of a kind":  {"[http \"https://*.example/\"]\n\textraheader = Authorization: Bearer t\n", repository, "Bearer t"},
		"the better":          {"[http \"https://git.example/o\"]\n\textraheader = Authorization: Bearer path\n[http]\n\textraheader = Authorization: Bearer all\n", repository, "Bearer path"},
		"the later":           {"[http]\n\textraheader = Authorization: Bearer 1\n\textraheader = Authorization: Bearer 2\n", repository, "Bearer 2"},
		"beside another":      {"[http]\n\textraheader = Authorization: Bearer t\n\textraheader = X-Trace: 1\n", repository, "Bearer t"},
		"taken back":          {"[http]\n\textraheader = Authorization: Bearer t\n[http \"https://git.example\"]\n\textraheader =\n", repository, ""},
		"in clear":            {"[http]\n\textraheader = Authorization: Bearer t\n", "http://git.example/o/r.git", ""},
		"to this machine":     {"[http]\n\textraheader = Authorization: Bearer t\n", "http://127.0.0.1:3000/o/r.git", "Bearer t"},
		"none":                {"[http]\n\textraheader = X-Trace: 1\n", repository, ""},
		"odd text in the key": {"[http \"https://git.example/\\\"]\\\\\"]\n\textraheader = Authorization: Bearer t\n", repository, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := atHome(t, tc.config, "")
			u := parse(t, tc.url)
			require.Equal(t, tc.want, g.Authorization(t.Context(), u, nil, func(string) bool { return true }))
			require.Equal(t, tc.want != "", g.Knows(t.Context(), u, nil))
		})
	}
}

const helper = "[credential]\n\thelper = \"!f() { cat >> asked; echo username=u; echo password=helped; }; f\"\n"

func TestWhatTheServerLetsInIsSent(t *testing.T) {
	const entry = "machine git.example login n password netrc\n"
	for name, tc := range map[string]struct {
		config, netrc string
		user          *url.Userinfo
		lets          []string // in
		want          string
	}{
		"nobody is asked of a public one": {helper, entry, url.UserPassword("a", "b"), []string{""}, ""},
		"what stands in the URL":          {helper, entry, url.UserPassword("a", "b"), []string{basicOf("a:b"), basicOf("n:netrc")}, basicOf("a:b")},
		".netrc before a helper":          {helper, entry, nil, []string{basicOf("n:netrc"), basicOf("u:helped")}, basicOf("n:netrc")},
		"a helper":                        {helper, "", nil, []string{basicOf("u:helped")}, basicOf("u:helped")},
		"a helper where .netrc is old":    {helper, entry, nil, []string{basicOf("u:helped")}, basicOf("u:helped")},
		"what is refused":                 {"", entry, nil, nil, basicOf("n:netrc")},
		"nothing":                         {"", "machine other.example password x\n", nil, nil, ""},
		"a helper of another host":        {"[credential \"https://other.example\"]\n\thelper = !false\n", "", nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := atHome(t, tc.config, tc.netrc)
			letsIn := func(header string) bool {
				for _, l := range tc.lets {
					if l == header {
						return true
					}
				}
				return false
			}
			require.Equal(t, tc.want, g.Authorization(t.Context(), parse(t, repository), tc.user, letsIn))
		})
	}
}

func TestAHelperIsAskedForTheHostAndNoOther(t *testing.T) {
	refused := func(string) bool { return false }
	g := atHome(t, helper, "")
	require.Equal(t, basicOf("u:helped"), g.Authorization(t.Context(), parse(t, repository), url.User("me"), refused))
	asked, err := os.ReadFile("asked")
	require.NoError(t, err)
	require.Contains(t, string(asked), "protocol=https\nhost=git.example\nusername=me\n")
	require.NoError(t, os.Remove("asked"))

	// A line break would be another line of the question.
	for _, url := range []string{"https://git.example/o%0Ahost=other.example", "http://git.example/o"} {
		require.Empty(t, g.Authorization(t.Context(), parse(t, url), nil, refused), url)
		require.NoFileExists(t, "asked", url)
	}
}

// A helper that hangs is one that git has started, and goes on without it.
func TestAHelperThatHangsIsNotWaitedForForEver(t *testing.T) {
	g := atHome(t, "[credential]\n\thelper = \"!cat pipe\"\n", "")
	require.NoError(t, syscall.Mkfifo("pipe", 0o600))
	t.Cleanup(func() { // which ends the helper
		if pipe, err := os.OpenFile("pipe", os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
			pipe.Close()
		}
	})
	said := make(chan string, 2)
	g.Notice, g.helperTimes = func(text string) { said <- text }, helperTimes{time.Millisecond, time.Second}
	refused := func(string) bool { return false }
	require.Empty(t, g.Authorization(t.Context(), parse(t, repository), nil, refused))
	const silent = "the credential helper of your git (credential.helper) doesn't answer for git.example: "
	require.Equal(t, silent+"waiting for it, at most 1s", <-said)
	last := <-said
	require.Equal(t, silent+"going on without it", last)
	readme.Explains(t, last, "the credential helper of your git ... doesn't answer")

	ctx, cancel := context.WithCancel(t.Context())
	g.helperTimes = helperTimes{time.Millisecond, time.Hour}
	g.Notice = func(string) { cancel() } // an interrupt while it is waited for
	require.Empty(t, g.Authorization(ctx, parse(t, repository), nil, refused))
}

// The output is open as long as the daemon lives.
func TestADaemonOfAHelperIsNotWaitedFor(t *testing.T) {
	g := atHome(t, "[credential]\n\thelper = \"!f() { cat pipe >&2 & echo username=u; echo password=p; }; f\"\n", "")
	require.NoError(t, syscall.Mkfifo("pipe", 0o600))
	pipe, err := os.OpenFile("pipe", os.O_RDWR, 0)
	require.NoError(t, err)
	defer pipe.Close()
	require.Equal(t, basicOf("u:p"), g.Authorization(t.Context(), parse(t, repository), nil, func(string) bool { return false }))
}

func TestAHelperMayKnowAWholeHeader(t *testing.T) {
	require.Equal(t, "Bearer t", parseHelperOutput([]byte("capability[]=authtype\nauthtype=Bearer\ncredential=t\n")))
	require.Equal(t, basicOf("u:p"), parseHelperOutput([]byte("username=u\npassword=p\n")))
	require.Empty(t, parseHelperOutput([]byte("username=u\n")))
}

func TestGitSaysWhereItGoes(t *testing.T) {
	for name, tc := range map[string]struct {
		config, url, want, user string
	}{
		"nowhere else":     {"", repository, repository, ""},
		"a mirror":         {"[url \"https://mirror.example/\"]\n\tinsteadOf = https://git.example/\n", repository, "https://mirror.example/o/r.git", ""},
		"the longest":      {"[url \"https://a/\"]\n\tinsteadOf = https://git.example/\n[url \"https://b/\"]\n\tinsteadOf = https://git.example/o/\n", repository, "https://b/r.git", ""},
		"SSH":              {"[url \"git@git.example:\"]\n\tinsteadOf = https://git.example/\n", repository, "git@git.example:o/r.git", ""},
		"SSH by URL":       {"[url \"ssh://git@git.example:2222/\"]\n\tinsteadOf = https://git.example/\n", repository, "ssh://git@git.example:2222/o/r.git", ""},
		"user information": {"[url \"https://x:s3cret@git.example/\"]\n\tinsteadOf = https://git.example/\n", repository, repository, "x:s3cret"},
		"of another":       {"[url \"https://a/\"]\n\tinsteadOf = https://other.example/\n", repository, repository, ""},
		"a push":           {"[url \"https://a/\"]\n\tpushInsteadOf = https://git.example/\n", repository, repository, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := atHome(t, tc.config, "").Resolve(t.Context(), tc.url)
			require.NoError(t, err)
			require.Equal(t, tc.want, got.URL)
			require.Equal(t, tc.user, got.User.String())
		})
	}
}

func TestWithoutGitNothingIsKnown(t *testing.T) {
	atHome(t, helper, "")
	t.Setenv("PATH", t.TempDir())
	g := Load(t.Context())
	require.False(t, g.Knows(t.Context(), parse(t, repository), nil))
	got, err := g.Resolve(t.Context(), repository)
	require.NoError(t, err)
	require.Equal(t, repository, got.URL)
}
