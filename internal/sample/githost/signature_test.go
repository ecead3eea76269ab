package githost

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOnlyASignedURLIsServed(t *testing.T) {
	s := serve(t)
	signed := strings.TrimPrefix(s.action(t).Href, s.URL)
	another := NewSignedURL(s.Others[0], time.Hour)
	for name, url := range map[string]string{
		"none":           "/lfs/" + s.OID,
		"another's":      strings.Replace(another.RequestURI(), another.oid, s.OID, 1),
		"longer":         strings.Replace(signed, "Expires=3600", "Expires=36000", 1),
		"redacted":       strings.Replace(signed, Signature, "REDACTED", 1),
		"its mere begin": "/lfs/" + s.OID + "?X-Amz-Signature=" + Signature,
		"no such object": "/lfs/" + strings.Repeat("0", 64),
		"no oid":         "/lfs/../repo.git/config",
	} {
		response, body, err := s.Get(t, url)
		require.NoError(t, err)
		require.Equal(t, http.StatusForbidden, response.StatusCode, name)
		require.Contains(t, string(body), "<Error><Code>", name)
	}
	head, err := http.Head(s.URL + signed)
	require.NoError(t, err)
	head.Body.Close()
	require.Equal(t, http.StatusForbidden, head.StatusCode, "it is signed for GET")
	response, body, err := s.Get(t, signed, "Authorization", "Basic x")
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, response.StatusCode, "S3 takes one of the two")
	require.Contains(t, string(body), "Only one auth mechanism allowed")
}
