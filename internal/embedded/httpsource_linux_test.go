package embedded

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
)

// endless is a server that never ends an answer, and how much it has sent.
func endless(t *testing.T, declared string) (b *build, address string, sent, requests *atomic.Int64) {
	t.Helper()
	sent, requests = &atomic.Int64{}, &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		if declared != "" {
			w.Header().Set("Content-Length", declared)
		}
		buf := make([]byte, 64<<10)
		for {
			n, err := w.Write(buf)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	}))
	t.Cleanup(s.Close)
	object := digest.FromString("object")
	return &build{Server: s.URL, Layers: []digest.Digest{object}}, s.URL + "/" + object.Encoded(), sent, requests
}

func TestNoMoreIsTakenOfAServerThanTheObjectHas(t *testing.T) {
	for declared, want := range map[string]string{
		"":              "the server sends more than the object's 1000 bytes",
		"1099511627776": "the server would send 1099511627776 bytes, the object has 1000",
	} {
		b, address, sent, requests := endless(t, declared)
		sizes := &ObjectSizes{}
		sizes.Add(address, 1000)
		_, err := b.run(t.Context(), start(t, Options{Root: t.TempDir(), ObjectSizes: sizes}))
		require.ErrorContains(t, err, want)
		require.EqualValues(t, 1, requests.Load())
		require.Less(t, sent.Load(), int64(100<<20), "what is in buffers, and not the disk's size")
	}
}

func TestTheHTTPSourceFollowsNoServerInward(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
	}))
	defer s.Close()
	b := &build{Server: s.URL, Layers: []digest.Digest{digest.FromString("object")}}
	_, err := b.run(t.Context(), start(t, Options{Root: t.TempDir()}))
	require.ErrorContains(t, err, "a server leads to 169.254.169.254, a link-local address, where none may lead that you don't name yourself")
}
