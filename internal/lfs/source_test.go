package lfs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSourceIsWhatTheOptionAndTheRepositorySay(t *testing.T) {
	const github, other = "https://github.com/o/r.git", "https://git.example/o/r.git"
	for _, tc := range []struct {
		option, repository string
		url, server        string
		batch              bool
	}{
		{"auto", github, "https://media.githubusercontent.com/media/o/r/C/p", "", true},
		{"auto", other, "", "", true},
		{"auto", "git@github.com:o/r.git", "", "", true},
		{"lfs", github, "", "", true},
		{"lfs+https://lfs.example/o/r/", github, "", "https://lfs.example/o/r", true},
		{"https://h/{oid}", github, "https://h/" + oid, "", false},
		{"oci://registry.example/m", github, "", "", false},
		{"auto", "oci://registry.example/m", "", "", false},
	} {
		s, err := ParseSource(tc.option)
		require.NoError(t, err, tc.option)
		s = s.Resolve(tc.repository)
		require.Equal(t, tc.url, s.URL(Object{Pointer: Pointer{OID: oid}, Path: "p", Commit: "C"}), tc.option)
		require.Equal(t, tc.server, s.Server, tc.option)
		require.Equal(t, tc.batch, s.Batch, tc.option)
		require.Equal(t, strings.Contains(tc.option+tc.repository, "oci://"), s.Mirror.Repository == "registry.example/m", tc.option)
	}
}

func TestSourceErrorsSayWhatIsWrongWithoutRepeatingSecrets(t *testing.T) {
	const secret = "hunter2secret"
	for option, want := range map[string]string{
		"":                               "want auto, lfs, lfs+https://host/path, oci://registry/name or a URL template",
		"oci://u:" + secret + "@h/m":     "without user information",
		"oci-layout:dir":                 "give it as option repository",
		"LFS":                            "want auto, lfs,",
		"lfs+":                           "want lfs+https://host/path",
		"lfs+ssh://h/x":                  "want lfs+https://host/path",
		"lfs+https:///x":                 "want lfs+https://host/path",
		"lfs+https://u:" + secret + "@h": "host h has user information",
		"lfs+https://h/x?t=" + secret:    "no query",
		"lfs+https://h/x#" + secret:      "no fragment",
	} {
		_, err := ParseSource(option)
		require.ErrorContains(t, err, want, option)
		require.NotContains(t, err.Error(), secret)
	}
}
