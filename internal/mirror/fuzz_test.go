package mirror

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzLocation(f *testing.F) {
	for _, s := range []string{"oci://reg.example:5000/a/b", "oci-layout:--x", "oci://[::1]:5000/m", "oci://h/x@sha256:a", "oci://h/\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseLocation(s)
		if err != nil || l.Layout != "" {
			return
		}
		again, err := ParseLocation(l.String())
		require.NoError(t, err)
		require.Equal(t, l, again)
		u, err := url.Parse(l.BlobURL(strings.Repeat("a", 64)))
		require.NoError(t, err)
		require.Nil(t, u.User)
		require.Equal(t, "/v2/"+strings.TrimPrefix(l.Repository, l.Host()+"/")+"/blobs/sha256:"+strings.Repeat("a", 64), u.Path)
	})
}
