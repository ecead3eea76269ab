package lfs

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestServerURLIsDerivedAsGitLFSDoes(t *testing.T) {
	for repository, want := range map[string]string{
		"https://git-server.com/foo/bar":      "https://git-server.com/foo/bar.git/info/lfs",
		"https://git-server.com/foo/bar.git":  "https://git-server.com/foo/bar.git/info/lfs",
		"https://git-server.com/foo/bar.git/": "https://git-server.com/foo/bar.git/info/lfs",
		"http://h:8080/x/":                    "http://h:8080/x.git/info/lfs",
		"https://h/a%20b.git":                 "https://h/a%20b.git/info/lfs",
		"https://h/x.github":                  "https://h/x.github.git/info/lfs",
	} {
		got, err := ServerURL(repository)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for repository, want := range map[string]string{
		"git@github.com:o/r.git": "malformed URL",
		"ssh://git@h/o/r.git":    "no absolute http or https URL",
		"https://t:s3cr3t@h/r":   "URL of host h has user information",
		"https://h/r?t=s3cr3t":   "query or a fragment",
		"https://h/r#s3cr3t":     "query or a fragment",
		"https://h":              "without a path",
		"https:///r":             "no absolute",
		"":                       "no absolute",
	} {
		_, err := ServerURL(repository)
		require.ErrorContains(t, err, want, repository)
		require.NotContains(t, err.Error(), "s3cr3t")
	}
}
