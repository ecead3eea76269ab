package weburl

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{"https://h:443/x?y#z", "http://[::1%25lo]:80/", "https://u@h", "https://h:99999/", "https:h", "//h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := Parse(s)
		if err != nil {
			return
		}
		require.NotEmpty(t, u.Hostname())
		require.Nil(t, u.User)
		require.True(t, SameOrigin(u, u))
		_, err = http.NewRequest(http.MethodGet, u.String(), nil)
		require.NoError(t, err, "whatever is taken can be asked")
	})
}
