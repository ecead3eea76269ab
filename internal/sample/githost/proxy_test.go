package githost

import (
	"crypto/tls"
	"io"
	"lambdabase/internal/sample/hosttest"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProxyPlaysGitHub(t *testing.T) {
	s, dir := serve(t), t.TempDir()
	ca, pool := newCA(t)
	host := s.startTLS(t, ca, "github.com", "media.githubusercontent.com")
	proxy := NewProxy(func(hostport string) string {
		if strings.HasSuffix(hostport, ".com:443") {
			return host.Listener.Addr().String()
		}
		return ""
	})
	listener := httptest.NewServer(proxy)
	t.Cleanup(listener.Close)
	address, err := url.Parse(listener.URL)
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(address), TLSClientConfig: &tls.Config{RootCAs: pool}}}

	response, err := client.Get("https://media.githubusercontent.com" + mediaPrefix + s.Commit + "/" + s.Path)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, s.Content, body)
	require.Equal(t, "media.githubusercontent.com", s.Requests()[0].Host)

	file := filepath.Join(dir, "ca.pem")
	require.NoError(t, os.WriteFile(file, ca.PEM(), 0o644))
	t.Setenv("GIT_SSL_CAINFO", file)
	hosttest.Git(t, dir, "-c", "http.proxy="+listener.URL, "ls-remote", "https://github.com/aws/aws-lambda-base-images")
	_, err = client.Get("https://elsewhere.example/")
	require.ErrorContains(t, err, "Bad Gateway")

	var asked []string
	for _, a := range proxy.Requests() {
		asked = append(asked, a.Method+" "+a.Host)
	}
	require.Equal(t, []string{"CONNECT media.githubusercontent.com:443", "CONNECT github.com:443", "CONNECT elsewhere.example:443"}, asked)
}

func TestProxyPassesPlainRequestsOn(t *testing.T) {
	s := serve(t)
	proxy := NewProxy(func(string) string { return strings.TrimPrefix(s.URL, "http://") })
	proxy.Authorization = "Basic bWU6c2VjcmV0" // me:secret
	listener := httptest.NewServer(proxy)
	t.Cleanup(listener.Close)
	address := strings.TrimPrefix(listener.URL, "http://")
	get := func(user string) *http.Response {
		through, err := url.Parse("http://" + user + address)
		require.NoError(t, err)
		client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(through)}}
		response, err := client.Get("http://mirror.example/objects/" + s.OID)
		require.NoError(t, err)
		response.Body.Close()
		return response
	}
	require.Equal(t, http.StatusProxyAuthRequired, get("").StatusCode)
	require.Empty(t, s.Requests())
	require.Equal(t, http.StatusOK, get("me:secret@").StatusCode)
	require.Equal(t, "mirror.example", s.Requests()[0].Host)
	require.Empty(t, s.Requests()[0].Header.Get("Proxy-Authorization"))
	require.Equal(t, "mirror.example:80", proxy.Requests()[1].Host)
}

func TestGitLFSPullsThroughAPrivateBatchAPI(t *testing.T) {
	if exec.Command("git", "lfs", "version").Run() != nil {
		t.Skip("git-lfs is not installed")
	}
	s, dir := serve(t), t.TempDir()
	s.SetAccess(Access{Accept: []string{good}})
	url, _ := s.URLs(strings.Replace(s.URL, "://", "://x-access-token:secret@", 1))
	hosttest.Git(t, dir, "clone", "--quiet", "--depth", "1", "-b", hosttest.Branch, url, "work")
	work := filepath.Join(dir, "work")
	hosttest.Git(t, work, "lfs", "install", "--local", "--force")
	hosttest.Git(t, work, "lfs", "pull")
	content, err := os.ReadFile(filepath.Join(work, s.Path))
	require.NoError(t, err)
	require.Equal(t, s.Content, content)
}
