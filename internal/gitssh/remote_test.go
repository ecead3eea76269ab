package gitssh

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARemoteIsAnURLOrTheShortForm(t *testing.T) {
	for in, want := range map[string]Remote{
		"ssh://git@git.example/org/repo.git":       {"git", "git.example", "/org/repo.git"},
		"ssh://git.example/repo":                   {"git", "git.example", "/repo"},
		"SSH://me@Git.Example:2222/~/repo":         {"me", "git.example:2222", "/~/repo"},
		"git+ssh://first.last@git.example/r%20x":   {"first.last", "git.example", "/r x"},
		"ssh+git://git@git.example/r":              {"git", "git.example", "/r"},
		"ssh://git@[::1]:2222/r":                   {"git", "[::1]:2222", "/r"},
		"git@github.com:aws/base.git":              {"git", "github.com", "aws/base.git"},
		"org-12_3@github.com:aws/base.git":         {"org-12_3", "github.com", "aws/base.git"},
		"github.com:aws/base.git":                  {"git", "github.com", "aws/base.git"},
		"git@host:/srv/git/repo@v2":                {"git", "host", "/srv/git/repo@v2"},
		"git@host:~/repo:x":                        {"git", "host", "~/repo:x"},
		"ssh://git@git.example/path/with:colon@at": {"git", "git.example", "/path/with:colon@at"},
	} {
		got, ok, err := ParseRemote(in)
		require.NoError(t, err, in)
		require.True(t, ok, in)
		require.Equal(t, want, got, in)

		again, ok, err := ParseRemote(got.String())
		require.NoError(t, err, in)
		require.True(t, ok, in)
		require.Equal(t, want, again, in)
	}
	require.Equal(t, "ssh://git@git.example:2222/a%20b", Remote{"git", "git.example:2222", "/a b"}.String())
	require.Equal(t, "git@git.example:a/b", Remote{"git", "git.example", "a/b"}.String())
}

func TestOtherRemotesAreNotSSH(t *testing.T) {
	for _, in := range []string{"", "https://git.example/x", "http://git@git.example:80/x", "git://git.example/x", "file:///x", "/srv/x", "./x:y",
		"https:/git.example/x", "x", ":x", "git@github.com/aws/base.git", "a b"} {
		_, ok, err := ParseRemote(in)
		require.NoError(t, err, in)
		require.False(t, ok, in)
	}
}

func TestARemoteThatCantBeUsedIsRefusedWithoutRepeatingIt(t *testing.T) {
	for in, want := range map[string]string{
		"ssh://git:SECRET@git.example/x":            "forward an SSH agent instead (--ssh default)",
		"ssh://git:@git.example/x":                  "a password in an SSH remote",
		"git+ssh://git:SECRET@git.example/x":        "a password in an SSH remote",
		"git:SECRET@git.example:x":                  "a password in an SSH remote",
		"git:SEC@RET@git.example:x":                 "a password in an SSH remote",
		"ssh://git:SEC%RET@git.example/x":           "malformed SSH remote",
		"ssh://git:SECRET/x":                        "malformed SSH remote",
		"ssh:///x":                                  "malformed SSH remote",
		"ssh://-oProxyCommand=SECRET/x":             "odd user or host",
		"ssh://-oProxyCommand=SECRET@git.example/x": "odd user or host",
		"ssh://git@git.example:/x":                  "odd user or host",
		"ssh://git@git.example":                     "want a path",
		"ssh://git@git.example/":                    "want a path",
		"ssh://git@git.example/x?token=SECRET":      "without query",
		"ssh://git@git.example/x#SECRET":            "without query",
		"ssh://git@git.example/x%0aSECRET":          "control characters",
		"git@git.example:":                          "want a path",
		"git@git.example:x#SECRET":                  "without query",
		"git@git.example:-x":                        "want a path",
		"-oProxyCommand=SECRET:x":                   "BuildKit does not read",
		"git@-oProxyCommand:x":                      "BuildKit does not read",
		"[git@git.example:2222]:x":                  "write it as ssh://user@host:port/path",
		"git@[::1]:x":                               "write it as ssh://user@host:port/path",
		"first.last@git.example:x":                  "write it as ssh://user@host:port/path",
		"@git.example:x/" + "\x00" + "SECRET":       "control characters",
	} {
		_, ok, err := ParseRemote(in)
		require.True(t, ok, in)
		require.ErrorContains(t, err, want, in)
		require.NotContains(t, err.Error(), "SECRET")
	}
}
