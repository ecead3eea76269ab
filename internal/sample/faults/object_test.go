package faults

import (
	"context"
	"fmt"
	"io"
	"lambdabase/internal/sample/githost"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// getObject and part are GETs of the object that is at fault.
func (s *testServer) getObject(t *testing.T, fault Fault) (*http.Response, []byte, error) {
	t.Helper()
	s.ClearFaults()
	s.Inject(Target{Kind: githost.Object}, fault)
	return s.Get(t, "/objects/"+s.OID, "Accept-Encoding", "identity")
}

func (s *testServer) getRange(t *testing.T, fault RangeFault) (*http.Response, []byte) {
	t.Helper()
	s.ClearFaults()
	s.Inject(Target{Kind: githost.Object}, Fault{Range: fault})
	response, body, err := s.Get(t, "/objects/"+s.OID, "Range", "bytes=100-199")
	require.NoError(t, err)
	return response, body
}

func TestShortIsWholeForWhoBelievesTheHead(t *testing.T) {
	s := serve(t)
	response, body, err := s.getObject(t, Fault{Short: 10})
	require.NoError(t, err)
	require.EqualValues(t, len(s.Content)-10, response.ContentLength)
	require.Equal(t, s.Content[:len(s.Content)-10], body)
}

func TestLengthPromisesMoreThanComes(t *testing.T) {
	s := serve(t)
	response, body, err := s.getObject(t, Fault{Length: 10})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.EqualValues(t, len(s.Content)+10, response.ContentLength)
	require.Equal(t, s.Content, body)
}

func TestChunkedTellsNoLength(t *testing.T) {
	s := serve(t)
	response, body, err := s.getObject(t, Fault{Chunked: true})
	require.NoError(t, err)
	require.EqualValues(t, -1, response.ContentLength)
	require.Equal(t, s.Content, body)
	response, _, err = s.getObject(t, Fault{Chunked: true, Short: int64(len(s.Content)) - 10})
	require.NoError(t, err)
	require.EqualValues(t, -1, response.ContentLength, "of a small one too")
}

func TestGzipIsNotAskedFor(t *testing.T) {
	s := serve(t)
	response, _, err := s.getObject(t, Fault{Gzip: true})
	require.NoError(t, err)
	require.Equal(t, "gzip", response.Header.Get("Content-Encoding"))
	response, err = http.Get(s.URL + "/objects/" + s.OID) // which asks for it, and unpacks it
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, s.Content, body)
}

func TestPartsOtherThanAskedFor(t *testing.T) {
	s := serve(t)
	contentRange := func(first, last, total int) string { return fmt.Sprintf("bytes %d-%d/%d", first, last, total) }
	size := len(s.Content)
	for fault, want := range map[RangeFault]struct {
		status int
		said   string
		body   []byte
	}{
		0:          {206, contentRange(100, 199, size), s.Content[100:200]},
		NoRange:    {200, "", s.Content},
		WrongRange: {206, contentRange(101, 199, size), s.Content[101:200]},
		LyingRange: {206, contentRange(100, 199, size), s.Content[101:201]},
		BareRange:  {206, "", s.Content[100:200]},
		OtherTotal: {206, contentRange(100, 199, size+1), s.Content[100:200]},
	} {
		response, body := s.getRange(t, fault)
		require.Equal(t, want.status, response.StatusCode, fault)
		require.Equal(t, want.said, response.Header.Get("Content-Range"), fault)
		require.Equal(t, want.body, body, fault)
		_, body, err := s.getObject(t, Fault{Range: fault})
		require.NoError(t, err)
		require.Equal(t, s.Content, body, "the whole is as it is")
	}
}

func TestDropAnswersNothing(t *testing.T) {
	s := serve(t)
	s.Inject(Target{Kind: githost.Object}, Fault{Drop: true})
	_, err := http.Get(s.URL + "/objects/" + s.OID)
	require.ErrorIs(t, err, io.EOF)
	require.Zero(t, s.Requests()[0].Status)
}

func TestCutAfterTheHeadSendsNoBody(t *testing.T) {
	s := serve(t)
	response, body, err := s.getObject(t, Fault{Cut: -1})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, 200, response.StatusCode)
	require.Empty(t, body)
}

func TestStallEndsWhenTheClientLeaves(t *testing.T) {
	s := serve(t)
	ended := make(chan githost.Request, 2)
	s.OnRequest = func(r githost.Request) { ended <- r }
	for stall, sent := range map[int64]int64{100: 100, -1: 0} {
		s.ClearFaults()
		s.Inject(Target{Kind: githost.Object}, Fault{Stall: stall, Times: 1})
		ctx, cancel := context.WithCancel(t.Context())
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/objects/"+s.OID, nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err, "the head comes")
		_, err = io.ReadFull(response.Body, make([]byte, sent))
		require.NoError(t, err)
		cancel()
		more, err := io.ReadAll(response.Body)
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, more)
		response.Body.Close()
		require.Equal(t, sent, (<-ended).Bytes)
	}
	_, body, err := s.Get(t, "/objects/"+s.OID)
	require.NoError(t, err)
	require.Equal(t, s.Content, body, "once")
}

func TestTrickleTakesItsTime(t *testing.T) {
	s := serve(t)
	start := time.Now()
	_, body, err := s.getObject(t, Fault{Trickle: Trickle{Bytes: int64(len(s.Content)/4) + 1, Every: 20 * time.Millisecond}})
	require.NoError(t, err)
	require.Equal(t, s.Content, body)
	require.GreaterOrEqual(t, time.Since(start), 60*time.Millisecond)
}

func TestHeaderOfAFaultGoesFirst(t *testing.T) {
	s := serve(t)
	response, _, err := s.getObject(t, Fault{Header: http.Header{"Etag": {`"other"`}}})
	require.NoError(t, err)
	require.Equal(t, `"other"`, response.Header.Get("ETag"))
}
