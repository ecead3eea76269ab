package faults

import (
	"lambdabase/internal/sample/githost"
	"lambdabase/internal/sample/hosttest"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// startSecondHost is another listener of the same server.
func (s *testServer) startSecondHost(t *testing.T) string {
	t.Helper()
	host := httptest.NewServer(s.Server)
	t.Cleanup(host.Close)
	s.SetSecondHost(host.URL)
	return host.URL
}

func TestRedirectsOnTheSameHostThenTheObject(t *testing.T) {
	s := serve(t)
	_, body, err := s.getObject(t, Fault{Redirect: Redirect{Hops: 3}, Times: 1})
	require.NoError(t, err)
	require.Equal(t, s.Content, body)
	var statuses []int
	for _, r := range s.Requests() {
		statuses = append(statuses, r.Status)
		require.Equal(t, s.OID, r.OID)
	}
	require.Equal(t, []int{302, 302, 302, 200}, statuses)
}

func TestRedirectToTheSecondHost(t *testing.T) {
	s := serve(t)
	second := s.startSecondHost(t)
	_, body, err := s.getObject(t, Fault{Redirect: Redirect{To: SecondHost, Status: 307}})
	require.NoError(t, err)
	require.Equal(t, s.Content, body)
	all := s.Requests()
	require.Len(t, all, 2)
	require.Equal(t, strings.TrimPrefix(s.URL, "http://"), all[0].Host)
	require.Equal(t, 307, all[0].Status)
	require.Equal(t, strings.TrimPrefix(second, "http://"), all[1].Host)
}

func TestRedirectToASignedURL(t *testing.T) {
	s := serve(t)
	s.startSecondHost(t)
	response, body, err := s.getObject(t, Fault{Redirect: Redirect{To: SecondHost, Signed: true}})
	require.NoError(t, err)
	require.Equal(t, s.Content, body)
	require.Contains(t, response.Request.URL.RawQuery, githost.Signature)
}

func TestRedirectOfASignedURLKeepsItsSignature(t *testing.T) {
	s := serve(t)
	signed := strings.TrimPrefix(s.action(t, BatchFault{}).Href, s.URL)
	s.Inject(Target{Kind: githost.Object}, Fault{Redirect: Redirect{Hops: 2}})
	_, body, err := s.Get(t, signed)
	require.NoError(t, err)
	require.Equal(t, s.Content, body)
}

func TestRedirectWithoutEnd(t *testing.T) {
	s := serve(t)
	s.Inject(Target{Kind: githost.Object}, Fault{Redirect: Redirect{Hops: -1}, Times: 1})
	_, err := http.Get(s.URL + "/objects/" + s.OID)
	require.ErrorContains(t, err, "stopped after 10 redirects")
}

func TestRedirectToPlainHTTP(t *testing.T) {
	s := serve(t)
	host := httptest.NewTLSServer(s.Server)
	t.Cleanup(host.Close)
	s.Inject(Target{Kind: githost.Object}, Fault{Redirect: Redirect{To: "http:"}})
	client := host.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Get(host.URL + "/objects/" + s.OID)
	require.NoError(t, err)
	response.Body.Close()
	require.Equal(t, "http"+strings.TrimPrefix(host.URL, "https")+"/hops/0/objects/"+s.OID, response.Header.Get("Location"))
}

func TestGitAndBatchFollowARedirect(t *testing.T) {
	s, dir := serve(t), t.TempDir()
	s.startSecondHost(t)
	url, _ := s.URLs(s.URL)
	s.Inject(Target{Kind: githost.Git}, Fault{Redirect: Redirect{To: SecondHost, Hops: 2, Status: 301}, Times: 1})
	hosttest.Git(t, dir, "clone", "--quiet", "--depth", "1", "-b", hosttest.Branch, url, "work")
	s.Inject(Target{Kind: githost.Batch}, Fault{Redirect: Redirect{Hops: 1, Status: 308}, Times: 1})
	_, answer := s.batch(t, s.OID)
	require.Len(t, answer.Objects, 1)
	s.Inject(Target{Kind: githost.Git}, Fault{Redirect: Redirect{Hops: -1}})
	require.Error(t, exec.Command("git", "ls-remote", url).Run())
}
