package faults

import (
	"lambdabase/internal/sample/githost"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestActionLeadsWhereTheFaultSays(t *testing.T) {
	s := serve(t)
	s.SetSecondHost("http://second.example")
	host := strings.TrimPrefix(s.URL, "http://")
	for want, fault := range map[string]BatchFault{
		"http://" + host + "/lfs/":           {},
		"ftp://" + host + "/lfs/":            {Base: "ftp:"},
		"https://" + host + "/lfs/":          {Base: "https:"},
		"http://second.example/lfs/":         {Base: SecondHost},
		"https://third.example:1/lfs/":       {Base: "https://third.example:1"},
		"/lfs/":                              {Relative: true},
		"http://me:secret@" + host + "/lfs/": {User: "me:secret"},
	} {
		require.True(t, strings.HasPrefix(s.action(t, fault).Href, want+s.OID+"?"), want)
	}
}

func TestActionEndsWhenTheFaultSays(t *testing.T) {
	s := serve(t)
	a := s.action(t, BatchFault{})
	require.Equal(t, 3600, a.ExpiresIn)
	at, err := time.Parse(time.RFC3339, a.ExpiresAt)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(time.Hour), at, time.Minute)

	a = s.action(t, BatchFault{ExpiresAt: "0001-01-01T00:00:00Z"})
	require.Equal(t, "0001-01-01T00:00:00Z", a.ExpiresAt)
	require.Zero(t, a.ExpiresIn)
	a = s.action(t, BatchFault{ExpiresIn: -5})
	require.Equal(t, -5, a.ExpiresIn)
	require.Empty(t, a.ExpiresAt)
	require.Equal(t, 1, s.action(t, BatchFault{Lifetime: 100 * time.Millisecond}).ExpiresIn)
	require.Equal(t, 3600, s.action(t, BatchFault{Lifetime: time.Second, ExpiresIn: 3600}).ExpiresIn, "but it lives a second")
}

func TestExpiredURLIsRefusedAsS3Does(t *testing.T) {
	s := serve(t)
	a := s.action(t, BatchFault{Lifetime: time.Hour})
	response, body := s.Follow(t, a.Href, a.Header)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, s.Content, body)
	a = s.action(t, BatchFault{Lifetime: time.Millisecond})
	time.Sleep(2 * time.Millisecond)
	response, body = s.Follow(t, a.Href, a.Header)
	require.Equal(t, http.StatusForbidden, response.StatusCode)
	require.Equal(t, "application/xml", response.Header.Get("Content-Type"))
	require.Contains(t, string(body), "<Error><Code>AccessDenied</Code><Message>Request has expired</Message>")
}

func TestTokenIsGoodForItsOwnObject(t *testing.T) {
	s := serve(t)
	a := s.action(t, BatchFault{Token: true, Header: map[string]string{"Cookie": "a=b", "Metadata-Flavor": "Google"}})
	require.Equal(t, "a=b", a.Header["Cookie"])
	require.Contains(t, a.Header["Authorization"], githost.Token)
	response, body := s.Follow(t, a.Href, a.Header)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, s.Content, body)
	last := s.Requests()[len(s.Requests())-1]
	require.Equal(t, a.Header["Authorization"], last.Header.Get("Authorization"))
	require.Equal(t, "Google", last.Header.Get("Metadata-Flavor"))
	require.Contains(t, last.RawQuery, githost.Signature)

	for _, other := range []string{"", "Bearer " + githost.Token, githost.NewSignedURL(s.OID, time.Minute).WithToken().Authorization()} {
		a.Header["Authorization"] = other
		response, _ = s.Follow(t, a.Href, a.Header)
		require.Equal(t, http.StatusUnauthorized, response.StatusCode)
	}
}
