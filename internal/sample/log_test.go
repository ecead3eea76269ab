package sample

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
	_, _, err := s.get(t, "/objects/"+s.oid, "Authorization", "Basic x")
	require.NoError(t, err)
	head, err := http.Head(s.url + "/objects/" + s.oid)
	require.NoError(t, err)
	head.Body.Close()
	_, _, err = s.get(t, "/elsewhere")
	require.NoError(t, err)

	all := s.Requests()
	require.Len(t, all, 3)
	for _, r := range all {
		require.Equal(t, r, <-told)
	}
	require.Equal(t, "Basic x", all[0].Header.Get("Authorization"))
	all[0].Header = nil
	require.Equal(t, Request{Method: "GET", Host: strings.TrimPrefix(s.url, "http://"), Path: "/objects/" + s.oid, Kind: Object, OID: s.oid, Status: 200, Bytes: int64(len(s.content))}, all[0])
	require.Equal(t, map[string]int{s.oid: 1}, s.Counts(), "HEAD is no fetch")
	require.Equal(t, 1, s.Total(Other))
	s.Reset()
	require.Empty(t, s.Requests())
	require.Zero(t, s.Count(s.oid))
}
