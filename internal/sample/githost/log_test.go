package githost

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLogKnowsEachRequest(t *testing.T) {
	s := serve(t)
	told := make(chan Request, 3)
	s.OnRequest = func(r Request) { told <- r }
	_, _, err := s.Get(t, "/objects/"+s.OID, "Authorization", "Basic x")
	require.NoError(t, err)
	head, err := http.Head(s.URL + "/objects/" + s.OID)
	require.NoError(t, err)
	head.Body.Close()
	_, _, err = s.Get(t, "/elsewhere")
	require.NoError(t, err)

	all := s.Requests()
	require.Len(t, all, 3)
	for _, r := range all {
		require.Equal(t, r, <-told)
	}
	require.Equal(t, "Basic x", all[0].Header.Get("Authorization"))
	all[0].Header = nil
	require.Equal(t, Request{Method: "GET", Host: strings.TrimPrefix(s.URL, "http://"), Path: "/objects/" + s.OID, Kind: Object, OID: s.OID, Status: 200, Bytes: int64(len(s.Content))}, all[0])
	require.Equal(t, map[string]int{s.OID: 1}, s.Counts(), "HEAD is no fetch")
	require.Equal(t, 1, s.Total(Other))
	s.Reset()
	require.Empty(t, s.Requests())
	require.Zero(t, s.Count(s.OID))
}
