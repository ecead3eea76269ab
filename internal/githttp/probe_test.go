package githttp

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// recordingTransport keeps whom it was asked to reach.
type recordingTransport struct{ asked []string }

func (r *recordingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	r.asked = append(r.asked, req.URL.Host)
	return http.DefaultTransport.RoundTrip(req)
}

func TestAProbeFollowsNoServerInward(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254"+r.URL.Path, http.StatusFound)
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL + "/r.git")
	require.NoError(t, err)
	transport := &recordingTransport{}
	require.False(t, NewProbe(u, transport, time.Minute).Accepts(t.Context(), ""))
	require.Equal(t, []string{u.Host}, transport.asked)
}
