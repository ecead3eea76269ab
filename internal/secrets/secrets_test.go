package secrets

import (
	"encoding/base64"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lambdabase/test/readme"

	"github.com/stretchr/testify/require"
)

func TestIDsAreBuildKitsNamesInOrderOfPreference(t *testing.T) {
	require.Equal(t, []string{
		"GIT_AUTH_HEADER.git.example", "GIT_AUTH_TOKEN.git.example", "GIT_AUTH_HEADER", "GIT_AUTH_TOKEN",
		"HTTP_AUTH_TOKEN_git.example", "HTTP_AUTH_HEADER_git.example",
	}, IDs("git.example"))

	require.Equal(t, []string{
		"GIT_AUTH_HEADER.git.example:8443", "GIT_AUTH_TOKEN.git.example:8443", "GIT_AUTH_HEADER.git.example", "GIT_AUTH_TOKEN.git.example",
		"GIT_AUTH_HEADER", "GIT_AUTH_TOKEN",
		"HTTP_AUTH_TOKEN_git.example:8443", "HTTP_AUTH_HEADER_git.example:8443", "HTTP_AUTH_TOKEN_git.example", "HTTP_AUTH_HEADER_git.example",
		"GIT_AUTH_HEADER.lfs.example", "GIT_AUTH_TOKEN.lfs.example", "HTTP_AUTH_TOKEN_lfs.example", "HTTP_AUTH_HEADER_lfs.example",
	}, IDs("git.example:8443", "lfs.example", "git.example", "git.example:8443", "lfs.example"))

	require.Equal(t, []string{
		"GIT_AUTH_HEADER.Git.example", "GIT_AUTH_TOKEN.Git.example", "GIT_AUTH_HEADER.git.example", "GIT_AUTH_TOKEN.git.example",
		"GIT_AUTH_HEADER", "GIT_AUTH_TOKEN",
		"HTTP_AUTH_TOKEN_Git.example", "HTTP_AUTH_HEADER_Git.example", "HTTP_AUTH_TOKEN_git.example", "HTTP_AUTH_HEADER_git.example",
	}, IDs("http://Git.example"))

	require.Equal(t, []string{
		"GIT_AUTH_HEADER.[::1]:80", "GIT_AUTH_TOKEN.[::1]:80", "GIT_AUTH_HEADER.[::1]", "GIT_AUTH_TOKEN.[::1]",
		"GIT_AUTH_HEADER", "GIT_AUTH_TOKEN",
		"HTTP_AUTH_TOKEN_[::1]:80", "HTTP_AUTH_HEADER_[::1]:80", "HTTP_AUTH_TOKEN_::1", "HTTP_AUTH_HEADER_::1",
	}, IDs("[::1]:80"))

	require.Equal(t, []string{"GIT_AUTH_HEADER", "GIT_AUTH_TOKEN"}, IDs("", ""))
}

func TestAFileIsNamedAfterItsSecretAndIsNoPath(t *testing.T) {
	for id, want := range map[string]string{
		"GIT_AUTH_TOKEN":                  "GIT_AUTH_TOKEN",
		"GIT_AUTH_TOKEN.git.example:8443": "GIT_AUTH_TOKEN.git.example%3A8443",
		"HTTP_AUTH_TOKEN_[::1]":           "HTTP_AUTH_TOKEN_%5B%3A%3A1%5D",
		"x/../../etc":                     "x%2F..%2F..%2Fetc",
		"..":                              "%2E.",
		"ü%\x00":                          "%C3%BC%25%00",
	} {
		require.Equal(t, want, FileName(id))
	}
	long := FileName(strings.Repeat("a", 300))
	require.Less(t, len(long), 256)
	require.NotEqual(t, long, FileName(strings.Repeat("a", 301)))
	require.NotContains(t, FileName(strings.Repeat("/", 300)), "/")
}

func TestAFolderHoldsSecretsAsFiles(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, FileName("GIT_AUTH_TOKEN.h:1")), []byte("T\n"), 0o600))
	value, ok := Dir(dir)("GIT_AUTH_TOKEN.h:1")
	require.True(t, ok)
	require.Equal(t, "T\n", value)
	_, ok = Dir(dir)("GIT_AUTH_TOKEN")
	require.False(t, ok)
	_, ok = Dir(filepath.Join(dir, "none"))("GIT_AUTH_TOKEN")
	require.False(t, ok)
}

func TestTheMostSpecificSecretIsSent(t *testing.T) {
	token := func(s string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+s))
	}
	for _, c := range []struct {
		repository, url string
		secrets         string // ids, best last: each is added to those before it
		sent            bool
	}{
		{"git.example", "https://git.example/x", "HTTP_AUTH_HEADER_git.example HTTP_AUTH_TOKEN_git.example GIT_AUTH_TOKEN GIT_AUTH_HEADER GIT_AUTH_TOKEN.git.example GIT_AUTH_HEADER.git.example", true},
		{"git.example:8443", "https://git.example:8443/x", "HTTP_AUTH_TOKEN_git.example:8443 GIT_AUTH_TOKEN GIT_AUTH_TOKEN.git.example GIT_AUTH_TOKEN.git.example:8443", true},
		{"git.example", "https://lfs.example/x", "HTTP_AUTH_HEADER_lfs.example GIT_AUTH_TOKEN.lfs.example", true},
		{"git.example", "https://lfs.example/x", "GIT_AUTH_TOKEN GIT_AUTH_HEADER GIT_AUTH_TOKEN.git.example HTTP_AUTH_TOKEN_git.example", false},
		{"git.example", "https://git.example.evil/x", "GIT_AUTH_TOKEN GIT_AUTH_TOKEN.git.example", false},
		{"git.example", "https://evil/git.example", "GIT_AUTH_TOKEN GIT_AUTH_TOKEN.git.example", false},

		// The same host is the same port too, unless the secret says the host only.
		{"git.example", "https://git.example:8443/x", "GIT_AUTH_TOKEN GIT_AUTH_HEADER", false},
		{"git.example", "https://git.example:8443/x", "GIT_AUTH_TOKEN.git.example", true},
		{"git.example", "https://git.example:443/x", "GIT_AUTH_TOKEN GIT_AUTH_TOKEN.git.example:443", true},
		{"git.example:443", "https://git.example/x", "GIT_AUTH_TOKEN GIT_AUTH_TOKEN.git.example:443", true},
		{"https://git.example", "https://git.example/x", "GIT_AUTH_TOKEN", true},

		// A host's case means nothing.
		{"Git.Example", "https://git.EXAMPLE/x", "GIT_AUTH_TOKEN GIT_AUTH_TOKEN.Git.Example GIT_AUTH_TOKEN.git.example GIT_AUTH_TOKEN.git.EXAMPLE", true},

		{"[2001:DB8::1]:8443", "https://[2001:db8::1]:8443/x", "HTTP_AUTH_TOKEN_2001:db8::1 GIT_AUTH_TOKEN GIT_AUTH_TOKEN.[2001:db8::1] GIT_AUTH_TOKEN.[2001:db8::1]:8443", true},
		{"[2001:db8::1]", "https://[2001:db8::1]:443/x", "GIT_AUTH_TOKEN", true},

		// In clear to this machine, and to a repository that is itself asked in clear.
		{"git.example", "http://git.example/x", "GIT_AUTH_TOKEN GIT_AUTH_TOKEN.git.example", false},
		{"http://git.example", "http://git.example/x", "GIT_AUTH_TOKEN GIT_AUTH_TOKEN.git.example", true},
		{"http://git.example:8080", "http://git.example:8080/x", "GIT_AUTH_TOKEN GIT_AUTH_TOKEN.git.example", true},
		{"http://git.example:8080", "http://git.example/x", "GIT_AUTH_TOKEN GIT_AUTH_TOKEN.git.example", false},
		{"http://git.example:8080", "http://lfs.example/x", "GIT_AUTH_TOKEN GIT_AUTH_TOKEN.lfs.example", false},
		{"http://git.example", "https://git.example/x", "GIT_AUTH_TOKEN", false},
		{"http://git.example", "https://git.example/x", "GIT_AUTH_TOKEN.git.example", true},
		{"git.example", "http://127.0.0.1:5000/x", "HTTP_AUTH_TOKEN_127.0.0.1", true},
		{"git.example", "http://[::1]:5000/x", "HTTP_AUTH_TOKEN_::1", true},
		{"localhost:5000", "http://localhost:5000/x", "GIT_AUTH_TOKEN", true},
		{"git.example", "http://localhost.evil/x", "GIT_AUTH_TOKEN.localhost.evil", false},
		{"git.example", "ssh://git.example/x", "GIT_AUTH_TOKEN.git.example", false},
		{"", "https:///x", "GIT_AUTH_TOKEN", false},
	} {
		u, err := url.Parse(c.url)
		require.NoError(t, err)
		held := map[string]string{}
		credentials := Credentials{Repository: c.repository, Secrets: func(id string) (string, bool) { v, ok := held[id]; return v, ok }}
		for id := range strings.FieldsSeq(c.secrets) {
			held[id] = "value of " + id + "\r\n"
			value, name := credentials.Authorization(u)
			if !c.sent {
				require.Empty(t, value+name, "%+v: %s", c, id)
				continue
			}
			require.Equal(t, "secret "+id, name, "%+v", c)
			want := "value of " + id
			switch {
			case strings.Contains(id, "GIT_AUTH_TOKEN"):
				want = token(want)
			case strings.Contains(id, "HTTP_AUTH_TOKEN"):
				want = "Bearer " + want
			}
			require.Equal(t, want, value)
		}
	}
	value, name := Credentials{}.Authorization(&url.URL{Scheme: "https", Host: "h"})
	require.Empty(t, value+name)
}

func TestASecretThatNoHeaderCanCarryCountsAsNone(t *testing.T) {
	held := map[string]string{"GIT_AUTH_HEADER": "basic a\nX-Evil: b", "GIT_AUTH_TOKEN": "\n", "HTTP_AUTH_TOKEN_lfs.example": "a\x00b"}
	c := Credentials{Repository: "git.example", Secrets: func(id string) (string, bool) { v, ok := held[id]; return v, ok }}
	value, name := c.Authorization(&url.URL{Scheme: "https", Host: "git.example"})
	require.Empty(t, value+name)
	require.EqualError(t, c.Check(), "secret GIT_AUTH_HEADER holds a line break or another control character; secret GIT_AUTH_TOKEN is empty")
	readme.Explains(t, c.Check().Error(), "secret ... holds a line break")
	readme.Explains(t, c.Check().Error(), "is empty")
	require.ErrorContains(t, c.Check("lfs.example"), "secret HTTP_AUTH_TOKEN_lfs.example holds a line break")

	held = map[string]string{"GIT_AUTH_TOKEN": "t\n"}
	require.NoError(t, c.Check("lfs.example"))
	require.NoError(t, Credentials{}.Check())
}

func TestACredentialIsToldByItsWholeName(t *testing.T) {
	for id, want := range map[string]bool{
		"GIT_AUTH_TOKEN": true, "GIT_AUTH_HEADER": true, "GIT_AUTH_TOKEN.git.example:8443": true, "GIT_AUTH_HEADER.git.example": true,
		"HTTP_AUTH_TOKEN_git.example": true, "HTTP_AUTH_HEADER_::1": true,
		"GIT_AUTH_TOKEN_FILE": false, "GIT_AUTH_HEADERS": false, "HTTP_AUTH_TOKEN": false, "MY_GIT_AUTH_TOKEN": false, "": false,
	} {
		require.Equal(t, want, IsCredential(id), id)
	}
}

func TestAdviceNamesTheSecretOfTheHost(t *testing.T) {
	c := Credentials{Repository: "git.example"}
	require.Equal(t, "pass a token as the secret GIT_AUTH_TOKEN.git.example:8443 (--secret id=GIT_AUTH_TOKEN.git.example:8443,env=...)",
		c.Hint(&url.URL{Scheme: "https", Host: "git.example:8443"}))
	require.Equal(t, "no credential is sent in clear to git.example: use https", c.Hint(&url.URL{Scheme: "http", Host: "git.example"}))
}
