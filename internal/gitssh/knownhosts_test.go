package gitssh

import (
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"

	"lambdabase/test/readme"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// published are the fingerprints that the three hosts publish, at the addresses that the file known_hosts names.
var published = map[string][]string{
	"github.com": {
		"ssh-ed25519 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
		"ecdsa-sha2-nistp256 SHA256:p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM",
		"ssh-rsa SHA256:uNiVztksCsDhcc0u9e8BujQXVUpKZIDTMczCvj3tD2s",
	},
	"gitlab.com": {
		"ssh-ed25519 SHA256:eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8",
		"ecdsa-sha2-nistp256 SHA256:HbW3g8zUjNSksFbqTiUWPWg2Bq1x8xdGUrliXFzSnUw",
		"ssh-rsa SHA256:ROQFvPThGrW4RuWLoL9tq9I9zJ42fK4XywyRtbOz/EQ",
	},
	"codeberg.org": {
		"ssh-ed25519 SHA256:mIlxA9k46MmM6qdJOdMnAQpzGxF4WIVVL+fj+wZbw0g",
		"ecdsa-sha2-nistp256 SHA256:T9FYDEHELhVkulEKKwge5aVhVTbqCW0MIRwAfpARs/E",
		"ssh-rsa SHA256:6QQmYi4ppFS4/+zSZ5S4IU+4sa6rwvQ4PbhCtPEBekQ",
	},
}

func TestTheBuiltInKeysAreThosePublished(t *testing.T) {
	for host, want := range published {
		lines, err := KnownHosts("", host)
		require.NoError(t, err)
		require.Equal(t, want, fingerprints(t, lines), host)

		lines, err = KnownHosts("", strings.ToUpper(host)+":22")
		require.NoError(t, err)
		require.Len(t, fingerprints(t, lines), 3)
	}
	all, err := parseKnownHosts(builtinHosts)
	require.NoError(t, err)
	require.Len(t, all, 9)
}

func TestTheUsersKeysComeBeforeTheBuiltInOnes(t *testing.T) {
	mine, other := newKey(t), newKey(t)
	got, err := KnownHosts("github.com "+mine+" # mine\nother.example "+other, "github.com")
	require.NoError(t, err)
	require.Equal(t, "github.com "+mine+"\n", got)

	got, err = KnownHosts("other.example "+other, "github.com")
	require.NoError(t, err)
	require.Len(t, fingerprints(t, got), 3)
}

func TestALineMatchesAsOpenSSHHasIt(t *testing.T) {
	key := newKey(t)
	for _, c := range []struct {
		hosts, host, named string
	}{
		{"git.example", "git.example", "git.example"},
		{"git.example", "Git.Example:22", "git.example"},
		{"GIT.example", "git.example", "git.example"},
		{"a.example,git.example,10.0.0.1", "10.0.0.1", "10.0.0.1"},
		{"[git.example]:2222", "git.example:2222", "[git.example]:2222"},
		{"*.example", "git.example", "git.example"},
		{"g?t.example", "git.example", "git.example"},
		{"[*.example]:2222", "git.example:2222", "[git.example]:2222"},
		{"*", "git.example", "git.example"},
		{"::1", "[::1]", "::1"},
		{"[::1]:2222", "[::1]:2222", "[::1]:2222"},
		{knownhosts.HashHostname("git.example"), "git.example", "git.example"},
		{knownhosts.HashHostname("[git.example]:2222"), "git.example:2222", "[git.example]:2222"},

		{"git.example", "git.example:2222", ""},
		{"[git.example]:2222", "git.example", ""},
		{"git.example", "git.example.evil", ""},
		{"git.example", "gitxexample", ""},
		{"*.example", "example", ""},
		{"*.example,!git.example", "git.example", ""},
		{"!git.example,*.example", "git.example", ""},
		{knownhosts.HashHostname("git.example"), "other.example", ""},
		{knownhosts.HashHostname("git.example"), "git.example:2222", ""},
	} {
		got, err := KnownHosts(c.hosts+" "+key, c.host)
		if c.named == "" {
			require.ErrorContains(t, err, "is not known", "%+v", c)
			continue
		}
		require.NoError(t, err, "%+v", c)
		require.Equal(t, c.named+" "+key+"\n", got)
	}
}

func TestLinesMayHaveLostTheirBreaks(t *testing.T) {
	a, b := newKey(t), newKey(t)
	want := "h " + a + "\nh " + b + "\n"
	for _, option := range []string{
		"h " + a + "\nh " + b,
		"\r\n# h:22 SSH-2.0; OpenSSH\r\n  h\t" + a + "  comment of mine\r\n\r\nh " + b + "\r\nh " + b,
		"h " + a + ";h " + b + ";",
		`# h:22 SSH-2.0\nh ` + a + `\n\nh ` + b + `\n`,
		"# h:22;h " + a + ";h " + b + "\n",
		"h " + a + `\r\n# x\r\nh ` + b,
		"h " + a + ";h " + b + "\nother " + a,
	} {
		got, err := KnownHosts(option, "h")
		require.NoError(t, err, option)
		require.Equal(t, want, got)
	}
}

func TestARevokedKeyCountsNowhere(t *testing.T) {
	a, b := newKey(t), newKey(t)
	got, err := KnownHosts("h "+a+"\n@revoked * "+a+"\nh "+b, "h")
	require.NoError(t, err)
	require.Equal(t, "@revoked h "+a+"\nh "+b+"\n", got)

	_, err = KnownHosts("h "+a+"\n@revoked h "+a, "h")
	require.ErrorContains(t, err, "the host key of h is revoked: ")

	ours, err := KnownHosts("", "github.com")
	require.NoError(t, err)
	first, rest, _ := strings.Cut(ours, "\n")
	got, err = KnownHosts("@revoked "+first, "github.com")
	require.NoError(t, err)
	require.Equal(t, "@revoked "+first+"\n"+rest, got)
}

func TestAnUnknownHostIsRefusedWithWhatToDo(t *testing.T) {
	_, err := KnownHosts("", "git.example")
	require.EqualError(t, err, "the host key of git.example is not known: give the lines that ssh-keyscan git.example prints, once you have checked them, as option known-hosts")
	readme.Explains(t, err.Error(), "host key of ... is not known")
	_, err = KnownHosts("", "git.example:2222")
	require.ErrorContains(t, err, "ssh-keyscan -p 2222 git.example prints")
	_, err = KnownHosts("", "github.com.evil")
	require.ErrorContains(t, err, "is not known")
	_, err = KnownHosts("", "github.com:443")
	require.ErrorContains(t, err, "is not known")
}

func TestAMalformedLineIsAnErrorThatDoesNotRepeatIt(t *testing.T) {
	key := newKey(t)
	_, blob, _ := strings.Cut(key, " ")
	for line, want := range map[string]string{
		"SECRET":                                "want a host, a kind of key and a key",
		"git.example ssh-ed25519":               "want a host, a kind of key and a key",
		"@revoked":                              "want a host, a kind of key and a key",
		key:                                     "the host is missing before the key",
		"@cert-authority *.example " + key:      "of the markers only @revoked is supported",
		"git.example SHA256:SECRET SECRET":      "the kind of key is none of ssh-ed25519",
		"git.example ssh-dss " + blob:           "the kind of key is none of ssh-ed25519",
		"git.example ssh-ed25519 SECRET!":       "not in base64",
		"git.example ssh-ed25519 " + blob[:20]:  "malformed key: was it cut off?",
		"git.example ssh-rsa " + blob:           "the line says ssh-rsa, the key in it is ssh-ed25519",
		"|1|SECRET " + key:                      "malformed hash of a host",
		"|2|YQ==|YQ== " + key:                   "malformed hash of a host",
		"-----BEGIN OPENSSH PRIVATE KEY-----":   "this is a private key",
		"git.example:SECRET;git.example " + key: "want a host",
	} {
		_, err := KnownHosts("# comment\n"+line, "git.example")
		require.ErrorContains(t, err, "line 2 of the known hosts: ", line)
		require.ErrorContains(t, err, want, line)
		require.NotContains(t, err.Error(), "SECRET")
		require.NotContains(t, err.Error(), blob)
	}
}

func newKey(t *testing.T) string {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	key, err := ssh.NewPublicKey(public)
	require.NoError(t, err)
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

func fingerprints(t *testing.T, lines string) []string {
	all, err := parseKnownHosts(lines)
	require.NoError(t, err)
	var prints []string
	for _, k := range all {
		prints = append(prints, k.key.Type()+" "+ssh.FingerprintSHA256(k.key))
	}
	return prints
}
