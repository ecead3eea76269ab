package branches

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAListFollowsNoServerInward(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254"+r.URL.Path, http.StatusFound)
	}))
	t.Cleanup(server.Close)
	_, err := List(t.Context(), Remote{URL: server.URL + "/r.git"})
	require.ErrorContains(t, err, "a server leads to 169.254.169.254, a link-local address")
}
