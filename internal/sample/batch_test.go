package sample

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// post asks the batch API and is its answer, whatever that is.
func (s *testServer) post(t *testing.T, body string, header ...string) (*http.Response, []byte) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, s.url+RepositoryPath+"/info/lfs/objects/batch", strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", mediaType)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, answer
}

func (s *testServer) batch(t *testing.T, body string, header ...string) (*http.Response, BatchResponse) {
	t.Helper()
	response, content := s.post(t, body, header...)
	var answer BatchResponse
	require.NoError(t, json.Unmarshal(content, &answer))
	return response, answer
}

// downloadBody is the request for some objects.
func downloadBody(oids ...string) string {
	request := map[string]any{"operation": "download", "transfers": []string{"basic"}}
	var objects []BatchObject
	for _, oid := range oids {
		objects = append(objects, BatchObject{OID: oid, Size: 1})
	}
	request["objects"] = objects
	body, _ := json.Marshal(request)
	return string(body)
}

// action is how to get the object, in an answer that is at fault.
func (s *testServer) action(t *testing.T, fault BatchFault, header ...string) BatchAction {
	t.Helper()
	s.ClearFaults()
	s.Inject(Target{Kind: Batch}, Fault{Batch: fault})
	_, answer := s.batch(t, downloadBody(s.oid), header...)
	require.Len(t, answer.Objects, 1)
	return answer.Objects[0].Actions["download"]
}

func TestBatchNamesAURLForEachObjectAndAnErrorForEachThatIsNotThere(t *testing.T) {
	s := serve(t)
	response, answer := s.batch(t, downloadBody(s.oid, strings.Repeat("0", 64)))
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, mediaType, response.Header.Get("Content-Type"))
	require.Equal(t, "basic", answer.Transfer)
	require.Len(t, answer.Objects, 2)

	there := answer.Objects[0]
	require.EqualValues(t, len(s.content), there.Size)
	href := there.Actions["download"].Href
	require.Contains(t, href, s.url+"/lfs/"+s.oid)
	require.Contains(t, href, Signature)
	_, content, err := s.get(t, strings.TrimPrefix(href, s.url))
	require.NoError(t, err)
	require.Equal(t, s.content, content)

	require.Empty(t, answer.Objects[1].Actions)
	require.Equal(t, http.StatusNotFound, answer.Objects[1].Error.Code)
}

func TestBatchOffersNoUpload(t *testing.T) {
	response, _ := serve(t).batch(t, `{"operation":"upload","objects":[]}`)
	require.Equal(t, http.StatusForbidden, response.StatusCode)
}

func TestBatchFaultsOfTheAnswerAndItsObjects(t *testing.T) {
	s := serve(t)
	size := int64(len(s.content))
	for name, tc := range map[string]struct {
		fault BatchFault
		want  func(*testing.T, BatchResponse, BatchObject)
	}{
		"transfer":  {BatchFault{Transfer: "tus"}, func(t *testing.T, r BatchResponse, _ BatchObject) { require.Equal(t, "tus", r.Transfer) }},
		"hash":      {BatchFault{HashAlgo: "sha512"}, func(t *testing.T, r BatchResponse, _ BatchObject) { require.Equal(t, "sha512", r.HashAlgo) }},
		"other oid": {BatchFault{OID: "00"}, func(t *testing.T, _ BatchResponse, o BatchObject) { require.Equal(t, "00", o.OID) }},
		"size":      {BatchFault{Grow: -3}, func(t *testing.T, _ BatchResponse, o BatchObject) { require.Equal(t, size-3, o.Size) }},
		"omit":      {BatchFault{Omit: true}, func(t *testing.T, r BatchResponse, _ BatchObject) { require.Empty(t, r.Objects) }},
		"twice":     {BatchFault{Twice: true}, func(t *testing.T, r BatchResponse, _ BatchObject) { require.Len(t, r.Objects, 2) }},
		"bare": {BatchFault{Bare: true}, func(t *testing.T, _ BatchResponse, o BatchObject) {
			require.Equal(t, BatchObject{OID: s.oid, Size: size}, o)
		}},
		"error": {BatchFault{Error: &BatchError{410, "gone"}}, func(t *testing.T, _ BatchResponse, o BatchObject) {
			require.Equal(t, BatchObject{OID: s.oid, Size: size, Error: &BatchError{410, "gone"}}, o)
		}},
		"edit": {BatchFault{Edit: func(r *BatchResponse) { r.Objects[0].Size = 7 }}, func(t *testing.T, _ BatchResponse, o BatchObject) {
			require.EqualValues(t, 7, o.Size)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s.ClearFaults()
			s.Inject(Target{Kind: Batch}, Fault{Batch: tc.fault})
			response, answer := s.batch(t, downloadBody(s.oid))
			require.Equal(t, http.StatusOK, response.StatusCode)
			tc.want(t, answer, append(answer.Objects, BatchObject{})[0])
		})
	}
}

func TestBatchFaultOfOneObjectLeavesTheOthersAlone(t *testing.T) {
	s := serve(t)
	all := s.others
	s.Inject(Target{Kind: Batch, OID: all[1]}, Fault{Batch: BatchFault{Omit: true}, Times: 1})
	_, answer := s.batch(t, downloadBody(all[:3]...))
	require.Len(t, answer.Objects, 2)
	require.Equal(t, []string{all[0], all[2]}, []string{answer.Objects[0].OID, answer.Objects[1].OID})
	_, answer = s.batch(t, downloadBody(all[:3]...))
	require.Len(t, answer.Objects, 3, "once")
}

func TestBatchRefusesMoreThanItsLimit(t *testing.T) {
	s := serve(t)
	all := s.others
	s.Inject(Target{Kind: Batch}, Fault{Batch: BatchFault{Limit: 2}})
	response, _ := s.post(t, downloadBody(all[:3]...))
	require.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
	_, answer := s.batch(t, downloadBody(all[:2]...))
	require.Len(t, answer.Objects, 2)
}

func TestBatchPadsItsAnswer(t *testing.T) {
	s := serve(t)
	s.Inject(Target{Kind: Batch}, Fault{Batch: BatchFault{Padding: 1_000_001}})
	_, body := s.post(t, downloadBody(s.oid))
	require.Greater(t, len(body), 1_000_001)
	require.Less(t, len(body), 1_002_000)
	var answer BatchResponse
	require.NoError(t, json.Unmarshal(body, &answer))
	require.Equal(t, s.oid, answer.Objects[0].OID)
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
		s.Inject(Target{Kind: Batch}, tc.fault)
		response, body := s.post(t, downloadBody(s.oid))
		require.Equal(t, tc.status, response.StatusCode)
		require.Contains(t, string(body), tc.body)
		require.Equal(t, tc.retryAfter, response.Header.Get("Retry-After"))
	}
}
