package lfs

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzSource(f *testing.F) {
	for _, s := range []string{"auto", "lfs", "lfs+https://h/x/", "lfs+http://u:p@h", "oci://h.example/x", "oci-layout:x", "https://h/{oid}?a={size}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		source, err := ParseSource(s)
		if err != nil || source.Server == "" {
			return
		}
		u, err := url.Parse(source.Server)
		require.NoError(t, err)
		require.NotEmpty(t, u.Host)
		require.Nil(t, u.User)
		require.Empty(t, u.RawQuery)
	})
}

func FuzzForge(f *testing.F) {
	for _, s := range []string{"https://github.com/a/b.git", "https://GitLab.com:443/a/b/c", "https://codeberg.org/a/..", "https://github.com/-/x?y", "git@github.com:a/b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, repository string) {
		if server, err := ServerURL(repository); err == nil {
			_, err = url.Parse(server)
			require.NoError(t, err)
		}
		tmpl, ok := ForgeTemplate(repository)
		if !ok {
			return
		}
		u, err := url.Parse(tmpl.URL(Object{Pointer: Pointer{OID: oid, Size: 1}, Path: "a/b", Commit: object.Commit}))
		require.NoError(t, err)
		require.Contains(t, []string{"media.githubusercontent.com", "gitlab.com", "codeberg.org"}, u.Host)
	})
}
