package faults

import (
	"context"
	"io"
	"lambdabase/internal/sample/githost"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStatusInPlaceOfAnObject(t *testing.T) {
	s := serve(t)
	s.Inject(Target{Kind: githost.Object, OID: s.OID}, Fault{Status: 429, Body: "slow down", Header: http.Header{"Retry-After": {"3"}}, Times: 2})
	for range 2 {
		response, body, err := s.Get(t, "/objects/"+s.OID)
		require.NoError(t, err)
		require.Equal(t, 429, response.StatusCode)
		require.Equal(t, "3", response.Header.Get("Retry-After"))
		require.Equal(t, "slow down", string(body))
	}
	response, body, err := s.Get(t, "/objects/"+s.OID)
	require.NoError(t, err)
	require.Equal(t, 200, response.StatusCode, "the third time")
	require.Equal(t, s.Content, body)
	require.Equal(t, 3, s.Count(s.OID))
}

func TestFaultOfOneObjectLeavesTheOthersAlone(t *testing.T) {
	s := serve(t)
	s.Inject(Target{Kind: githost.Object, OID: "another"}, Fault{Status: 500})
	s.Inject(Target{Kind: githost.Batch}, Fault{Status: 503})
	response, _, _ := s.Get(t, "/objects/"+s.OID)
	require.Equal(t, 200, response.StatusCode)
}

func TestLatestFaultGoesFirstAndHealEndsAll(t *testing.T) {
	s := serve(t)
	s.Inject(Target{Kind: githost.Object}, Fault{Status: 500})
	s.Inject(Target{Kind: githost.Object, OID: s.OID}, Fault{Status: 403, Times: 1})
	for _, status := range []int{403, 500, 500} {
		response, _, _ := s.Get(t, "/objects/"+s.OID)
		require.Equal(t, status, response.StatusCode)
	}
	s.ClearFaults()
	response, _, _ := s.Get(t, "/objects/"+s.OID)
	require.Equal(t, 200, response.StatusCode)
}

func TestCutEndsTheConnectionWithinTheBody(t *testing.T) {
	s := serve(t)
	s.Inject(Target{Kind: githost.Object}, Fault{Cut: 100})
	response, body, err := s.Get(t, "/objects/"+s.OID)
	require.ErrorContains(t, err, "unexpected EOF")
	require.EqualValues(t, len(s.Content), response.ContentLength)
	require.Equal(t, s.Content[:100], body)
	require.EqualValues(t, 100, s.Requests()[0].Bytes)
}

func TestCorruptFlipsAByteInTheMiddle(t *testing.T) {
	s := serve(t)
	s.Inject(Target{Kind: githost.Object}, Fault{Corrupt: true})
	_, body, err := s.Get(t, "/objects/"+s.OID)
	require.NoError(t, err)
	middle := len(s.Content) / 2
	require.Equal(t, s.Content[middle]^0xff, body[middle])
	body[middle] ^= 0xff
	require.Equal(t, s.Content, body)
}

func TestOversizeSendsMoreThanThereIs(t *testing.T) {
	s := serve(t)
	s.Inject(Target{Kind: githost.Object}, Fault{Oversize: 100_000})
	_, body, err := s.Get(t, "/objects/"+s.OID)
	require.NoError(t, err)
	require.Len(t, body, len(s.Content)+100_000)
	require.Equal(t, s.Content, body[:len(s.Content)])
}

func TestDelayEndsWhenTheClientLeaves(t *testing.T) {
	s := serve(t)
	s.Inject(Target{Kind: githost.Object}, Fault{Delay: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for ctx.Err() == nil && s.Count(s.OID) == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/objects/"+s.OID, nil)
	require.NoError(t, err)
	_, err = http.DefaultClient.Do(request)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, s.Count(s.OID))
}

func TestDelayIsWaitedOut(t *testing.T) {
	s := serve(t)
	s.Inject(Target{Kind: githost.Object}, Fault{Delay: 50 * time.Millisecond})
	begin := time.Now()
	_, body, err := s.Get(t, "/objects/"+s.OID)
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(begin), 50*time.Millisecond)
	require.Equal(t, s.Content, body)
}

func TestGitSeesTheFaultsOfGit(t *testing.T) {
	s := serve(t)
	url, _ := s.URLs(s.URL)
	for _, fault := range []Fault{{Status: 500}, {Cut: 20}} {
		s.ClearFaults()
		s.Inject(Target{Kind: githost.Git}, fault)
		require.Error(t, exec.Command("git", "ls-remote", url).Run())
	}
	s.ClearFaults()
	require.NoError(t, exec.Command("git", "ls-remote", url).Run())
}

func TestAFaultOfOnePathLeavesTheOthers(t *testing.T) {
	s := serve(t)
	s.Inject(Target{Kind: githost.Git, Path: "/HEAD"}, Fault{Status: 503})
	response, _, err := s.Get(t, githost.RepositoryPath+"/HEAD")
	require.NoError(t, err)
	require.Equal(t, 503, response.StatusCode)
	url, _ := s.URLs(s.URL)
	require.NoError(t, exec.Command("git", "ls-remote", url).Run())
}

func TestBatchSeesTheFaultsOfTheBatch(t *testing.T) {
	s := serve(t)
	s.Inject(Target{Kind: githost.Batch}, Fault{Status: 503, Body: "{}"})
	response, _ := s.batch(t, "{}")
	require.Equal(t, 503, response.StatusCode)
}

func TestASignInPageStandsInPlaceOfAnAnswer(t *testing.T) {
	s := serve(t)
	for status, want := range map[int]int{203: 203, 302: 200} {
		s.ClearFaults()
		s.Inject(Target{Kind: githost.Git}, SignIn(status))
		response, err := http.Get(s.URL + githost.RepositoryPath + "/info/refs?service=git-upload-pack")
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		response.Body.Close()
		require.Equal(t, want, response.StatusCode)
		require.Contains(t, string(body), "Please log in")
	}
}
