package test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"lambdabase/frontend"
	"lambdabase/frontend/subrequests/runtimes"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

const (
	mediaHost = "media.githubusercontent.com"
	storeHost = "github-cloud.githubusercontent.com"
)

// github plays github.com, its media host and its store for whoever comes through the proxy and trusts the CA.
type github struct {
	*repoServer
	refuses atomic.Int32 // status of the media host; 0: it serves
	proxy   *githost.Proxy
	through string // URL of the proxy
	ca      []byte
}

// startGitHub serves the sample of the real repository under the names of the real hosts.
func startGitHub(t testing.TB, more ...string) *github {
	t.Helper()
	return playGitHub(t, serveUpstream(t, append(more, "nodejs20.x")...))
}

// playGitHub serves a host's repository under the names of the real hosts.
func playGitHub(t testing.TB, h *repoServer) *github {
	t.Helper()
	ca, err := githost.NewCA()
	require.NoError(t, err)
	certificate, err := ca.Certificate("github.com", mediaHost, storeHost)
	require.NoError(t, err)
	g := &github{repoServer: h, ca: ca.PEM()}
	g.setStore("https://" + storeHost)
	server := httptest.NewUnstartedServer(g)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	g.proxy = githost.NewProxy(func(hostport string) string {
		if name, ok := strings.CutSuffix(hostport, ":443"); ok && (name == "github.com" || name == mediaHost || name == storeHost) {
			return server.Listener.Addr().String()
		}
		return ""
	})
	listener := httptest.NewServer(g.proxy)
	t.Cleanup(listener.Close)
	g.through = listener.URL
	return g
}

func (g *github) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if status := g.refuses.Load(); status != 0 && r.Host == mediaHost {
		w.WriteHeader(int(status))
		return
	}
	g.repoServer.ServeHTTP(w, r)
}

// daemon is one that is set up for the proxy and the CA.
func (g *github) daemon(t testing.TB, more ...sandbox.Option) *sandbox.Daemon {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, g.ca, 0o644))
	return sandbox.Start(t, append(more, sandbox.WithCABundle(file), sandbox.WithEnv("HTTPS_PROXY="+g.through, "NO_PROXY=127.0.0.1"))...)
}

// behindProxy is a request whose steps know the proxy, and the CA by a secret. It names no repository and no objects.
func (g *github) behindProxy(image string, more ...string) sandbox.Request {
	attrs := map[string]string{"source": image, "build-arg:HTTPS_PROXY": g.through, "build-arg:NO_PROXY": "127.0.0.1"}
	for i := 0; i < len(more); i += 2 {
		attrs[more[i]] = more[i+1]
	}
	return withSecrets(sandbox.Request{Func: frontend.Frontend{}.Build, Attrs: attrs}, "LAMBDABASE_CA", string(g.ca))
}

// requestHosts are the hosts that requests of a kind went to, one for each.
func (g *github) requestHosts(kind githost.Kind) (hosts []string) {
	for _, r := range g.Requests() {
		if r.Kind == kind {
			hosts = append(hosts, r.Host)
		}
	}
	return hosts
}

func TestUpstreamIsTheDefault(t *testing.T) {
	g := startGitHub(t)
	d := g.daemon(t)
	base := sandbox.Request{Func: frontend.Frontend{}.Build, Attrs: map[string]string{"runtime": "nodejs20.x"}}
	got := oneImage(t, d, base)
	require.Equal(t, "github.com", g.requestHosts(githost.Git)[0])
	require.Equal(t, slices.Repeat([]string{mediaHost}, 6), g.requestHosts(githost.Object))
	require.Zero(t, g.Total(githost.Batch))
	require.Equal(t, oneImage(t, sandbox.Start(t), g.request("nodejs20.x")).Digest, got.Digest, "a mirror gives the same")
}

func TestWhatTheMediaHostRefusesComesByTheBatchAPI(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	d := g.daemon(t)
	image, _ := frontendImage(t, d)
	want := oneImage(t, d, g.request("nodejs20.x")).Digest
	for _, status := range []int{401, 403, 404, 429} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			d.Prune(t)
			g.Reset()
			g.refuses.Store(int32(status))
			defer g.refuses.Store(0)
			req := g.behindProxy(image, "runtime", "nodejs20.x")
			res, err := d.Solve(t.Context(), t, req)
			require.NoError(t, err)
			var output []string
			for _, w := range res.Warnings {
				output = append(output, string(w.Short))
			}
			once := fmt.Sprintf("%s answers with status %d: objects are asked for by the LFS batch API", mediaHost, status)
			require.Equal(t, 1, strings.Count(strings.Join(output, "\n"), once), "%q", output)
			require.Equal(t, slices.Repeat([]string{"github.com"}, 6), g.requestHosts(githost.Batch))
			require.Equal(t, slices.Repeat([]string{storeHost}, 6), g.requestHosts(githost.Object))
			require.Equal(t, want, oneImage(t, d, req).Digest)
		})
	}
	t.Run("a private fork", func(t *testing.T) {
		d.Prune(t)
		g.Reset()
		g.SetAccess(githost.Access{Accept: []string{basicAuth("t0ken")}, PlainURLs: true, Missing: 404, Wrong: 404})
		defer g.SetAccess(githost.Access{})
		req := withSecrets(g.behindProxy(image, "runtime", "nodejs20.x"), "LAMBDABASE_CA", string(g.ca), "GIT_AUTH_TOKEN", "t0ken")
		req.Session = req.Session[:1]
		require.Equal(t, want, oneImage(t, d, req).Digest)
		for _, r := range g.Requests() {
			require.Equal(t, r.Host == "github.com", r.Header.Get("Authorization") != "", "%s%s", r.Host, r.Path)
		}
	})
}

func TestRuntimesAreListedThroughAProxy(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	d := g.daemon(t)
	image, _ := frontendImage(t, d)
	before := len(g.proxy.Requests())
	var list runtimes.List
	require.NoError(t, json.Unmarshal([]byte(callSubrequest(t, d, g.behindProxy(image, "requestid", "lambda.runtimes"))), &list))
	require.Equal(t, "nodejs20.x", list[0].Name)
	require.Equal(t, "github.com:443", g.proxy.Requests()[before].Host)
}

func TestAProxyOrACertificateThatIsWrongIsSaid(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	d := g.daemon(t)
	image, _ := frontendImage(t, d)
	for name, tc := range map[string]struct {
		through, ca string
		list, lfs   string // errors of lambda.runtimes, and of a build by the batch API
	}{
		"no CA":  {g.through, "", "pass that as the secret LAMBDABASE_CA (--secret id=LAMBDABASE_CA,src=ca.pem)", "pass that as the secret LAMBDABASE_CA (--secret id=LAMBDABASE_CA,src=ca.pem)"},
		"no PEM": {g.through, "certificate", "secret LAMBDABASE_CA: it holds no certificate in PEM", "secret LAMBDABASE_CA: it holds no certificate in PEM"},
		// Objects are asked for more than once: that takes its time, and then says the same.
		"no such proxy":   {"http://127.0.0.1:1", string(g.ca), "proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused", ""},
		"a proxy refuses": {g.URL, string(g.ca), "Not Found", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct {
				options []string
				want    string
			}{{[]string{"requestid", "lambda.runtimes"}, tc.list}, {[]string{"runtime", "nodejs20.x", "objects", "lfs"}, tc.lfs}} {
				req := g.behindProxy(image, append(c.options, "build-arg:HTTPS_PROXY", tc.through)...)
				if req.Session = nil; tc.ca != "" {
					req = withSecrets(req, "LAMBDABASE_CA", tc.ca)
				}
				if c.want != "" {
					_, err := d.Solve(t.Context(), t, req)
					require.ErrorContains(t, err, c.want)
				}
			}
		})
	}
}
