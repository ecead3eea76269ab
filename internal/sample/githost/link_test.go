package githost

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A slow machine makes it only slower: nothing here is held to be fast.
func TestLinkIsAsSlowAsItSays(t *testing.T) {
	const size, roundTrip = 1 << 20, 30 * time.Millisecond
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, size)) })
	for _, tc := range []struct {
		link     Link
		requests int
		want     time.Duration
	}{
		{Link{RoundTrip: roundTrip}, 1, 2 * roundTrip},
		{Link{RoundTrip: roundTrip}, 3, 4 * roundTrip},
		{Link{BytesPerSecond: 10 * size}, 2, 180 * time.Millisecond}, // the first chunk is free
	} {
		url := startLinked(t, handler, tc.link)
		client := &http.Client{Transport: &http.Transport{}}
		start := time.Now()
		for range tc.requests {
			response, err := client.Get(url)
			require.NoError(t, err)
			n, err := io.Copy(io.Discard, response.Body)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.EqualValues(t, size, n)
		}
		require.GreaterOrEqual(t, time.Since(start), tc.want, "%+v", tc.link)
	}
}

func startLinked(t *testing.T, handler http.Handler, link Link) (url string) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Listener = link.Listen(server.Listener)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

func TestNoLinkChangesNothing(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer inner.Close()
	require.Same(t, inner, Link{}.Listen(inner))
}
