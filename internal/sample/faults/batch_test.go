package faults

import (
	"encoding/json"
	"lambdabase/internal/sample/githost"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBatchFaultsOfTheAnswerAndItsObjects(t *testing.T) {
	s := serve(t)
	size := int64(len(s.Content))
	for name, tc := range map[string]struct {
		fault BatchFault
		want  func(*testing.T, githost.BatchResponse, githost.BatchObject)
	}{
		"transfer": {BatchFault{Transfer: "tus"}, func(t *testing.T, r githost.BatchResponse, _ githost.BatchObject) {
			require.Equal(t, "tus", r.Transfer)
		}},
		"hash": {BatchFault{HashAlgo: "sha512"}, func(t *testing.T, r githost.BatchResponse, _ githost.BatchObject) {
			require.Equal(t, "sha512", r.HashAlgo)
		}},
		"other oid": {BatchFault{OID: "00"}, func(t *testing.T, _ githost.BatchResponse, o githost.BatchObject) { require.Equal(t, "00", o.OID) }},
		"size":      {BatchFault{Grow: -3}, func(t *testing.T, _ githost.BatchResponse, o githost.BatchObject) { require.Equal(t, size-3, o.Size) }},
		"omit":      {BatchFault{Omit: true}, func(t *testing.T, r githost.BatchResponse, _ githost.BatchObject) { require.Empty(t, r.Objects) }},
		"twice":     {BatchFault{Twice: true}, func(t *testing.T, r githost.BatchResponse, _ githost.BatchObject) { require.Len(t, r.Objects, 2) }},
		"bare": {BatchFault{Bare: true}, func(t *testing.T, _ githost.BatchResponse, o githost.BatchObject) {
			require.Equal(t, githost.BatchObject{OID: s.OID, Size: size}, o)
		}},
		"error": {BatchFault{Error: &githost.BatchError{Code: 410, Message: "gone"}}, func(t *testing.T, _ githost.BatchResponse, o githost.BatchObject) {
			require.Equal(t, githost.BatchObject{OID: s.OID, Size: size, Error: &githost.BatchError{Code: 410, Message: "gone"}}, o)
		}},
		"edit": {BatchFault{Edit: func(r *githost.BatchResponse) { r.Objects[0].Size = 7 }}, func(t *testing.T, _ githost.BatchResponse, o githost.BatchObject) {
			require.EqualValues(t, 7, o.Size)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s.ClearFaults()
			s.Inject(Target{Kind: githost.Batch}, Fault{Batch: tc.fault})
			response, answer := s.batch(t, s.OID)
			require.Equal(t, http.StatusOK, response.StatusCode)
			tc.want(t, answer, append(answer.Objects, githost.BatchObject{})[0])
		})
	}
}

func TestBatchFaultOfOneObjectLeavesTheOthersAlone(t *testing.T) {
	s := serve(t)
	all := s.Others
	s.Inject(Target{Kind: githost.Batch, OID: all[1]}, Fault{Batch: BatchFault{Omit: true}, Times: 1})
	_, answer := s.batch(t, all[:3]...)
	require.Len(t, answer.Objects, 2)
	require.Equal(t, []string{all[0], all[2]}, []string{answer.Objects[0].OID, answer.Objects[1].OID})
	_, answer = s.batch(t, all[:3]...)
	require.Len(t, answer.Objects, 3, "once")
}

func TestBatchRefusesMoreThanItsLimit(t *testing.T) {
	s := serve(t)
	all := s.Others
	s.Inject(Target{Kind: githost.Batch}, Fault{Batch: BatchFault{Limit: 2}})
	response, _ := s.post(t, all[:3])
	require.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
	_, answer := s.batch(t, all[:2]...)
	require.Len(t, answer.Objects, 2)
}

func TestBatchPadsItsAnswer(t *testing.T) {
	s := serve(t)
	s.Inject(Target{Kind: githost.Batch}, Fault{Batch: BatchFault{Padding: 1_000_001}})
	_, body := s.post(t, []string{s.OID})
	require.Greater(t, len(body), 1_000_001)
	require.Less(t, len(body), 1_002_000)
	var answer githost.BatchResponse
	require.NoError(t, json.Unmarshal(body, &answer))
	require.Equal(t, s.OID, answer.Objects[0].OID)
}

func TestBatchFailuresAreToldAsServersTellThem(t *testing.T) {
	s := serve(t)
	when := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC).Format(http.TimeFormat)
	for _, tc := range []struct {
		fault      Fault
		status     int
		body       string
		retryAfter string
	}{
		{Message(422, "no"), 422, `{"message":"no"}`, ""},
		{OverQuota(403), 403, "exceeded its LFS budget", ""},
		{OverQuota(509), 509, "exceeded its LFS budget", ""},
		{RetryAfter(429, "3"), 429, "message", "3"},
		{RetryAfter(503, when), 503, "message", "Wed, 02 Jan 2030 03:04:05 GMT"},
		{Page(), 200, "<html>", ""},
		{BrokenJSON(), 200, `"oid":`, ""},
	} {
		s.ClearFaults()
		s.Inject(Target{Kind: githost.Batch}, tc.fault)
		response, body := s.post(t, []string{s.OID})
		require.Equal(t, tc.status, response.StatusCode)
		require.Contains(t, string(body), tc.body)
		require.Equal(t, tc.retryAfter, response.Header.Get("Retry-After"))
	}
}
