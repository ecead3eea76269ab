package transfer

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lambdabase/internal/lfs"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// ownURL is where a fake host serves an object by itself.
func (h *fakeHost) ownURL(o lfs.Object) string { return h.URL + "/store/" + o.OID }

func TestAnObjectWithAURLOfItsOwnIsGotWithoutTheBatchAPI(t *testing.T) {
	h := newHost(t)
	o := h.put(strings.Repeat("content", 1000))
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, o.OID+".part"), []byte("content"), 0o600))
	c := &Client{ObjectURL: h.ownURL, Authorization: func(*url.URL) (string, string) { return "Bearer t", "secret T" }}
	require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
	require.Empty(t, h.batches())
	require.Len(t, h.downloads(), 1)
	require.Equal(t, "bytes=7-", h.downloads()[0].header.Get("Range"), "it goes on from where an earlier process was")
	require.Equal(t, "Bearer t", h.downloads()[0].header.Get("Authorization"))
	dt, err := os.ReadFile(filepath.Join(dir, o.OID))
	require.NoError(t, err)
	require.Equal(t, h.content[o.OID], dt)
}

func TestARefusalByAnObjectsOwnURLHasItsStatus(t *testing.T) {
	h := newHost(t)
	h.object = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusForbidden)
		return true
	}
	c := &Client{ObjectURL: h.ownURL}
	err := c.Fetch(t.Context(), t.TempDir(), []lfs.Object{h.put("x")})
	var failed *Error
	require.True(t, errors.As(err, &failed), err)
	require.Equal(t, http.StatusForbidden, failed.Status)
	require.Contains(t, failed.URL, h.URL)
	c.ObjectURL = func(lfs.Object) string { return "ftp://host.example/x" }
	require.ErrorContains(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{h.put("x")}), "no absolute http or https URL")
}
