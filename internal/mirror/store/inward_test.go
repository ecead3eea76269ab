package store

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"lambdabase/internal/mirror"

	"github.com/stretchr/testify/require"
)

// A registry may keep its blobs elsewhere, and have another host give tokens, which oras looks at itself.
func TestARegistryLeadsNobodyInward(t *testing.T) {
	for want, lead := range map[string]http.HandlerFunc{
		"a server leads to 169.254.169.254, a link-local address": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254"+r.URL.Path, http.StatusTemporaryRedirect)
		},
		`bearer realm host "169.254.169.254" is`: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://169.254.169.254/token",service="s"`)
			w.WriteHeader(http.StatusUnauthorized)
		},
	} {
		var requests atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			lead(w, r)
		}))
		m := open(t, mirror.Location{Repository: strings.TrimPrefix(server.URL, "http://") + "/aws/lambda"})
		_, err := m.Snapshot(t.Context(), "nodejs20.x")
		require.ErrorContains(t, err, want)
		require.EqualValues(t, 1, requests.Load(), want)
		server.Close()
	}
}
