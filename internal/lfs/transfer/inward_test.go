package transfer

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"lambdabase/internal/httpclient"
	"lambdabase/internal/httpclient/dnstest"
	"lambdabase/internal/lfs"
	"lambdabase/test/readme"

	"github.com/stretchr/testify/require"
)

// clientOfName is a client that asks a host on this machine by a name.
func clientOfName(t *testing.T, h *fakeHost) *Client {
	t.Helper()
	c, _ := h.client()
	transport := httpclient.NewTransport(c.Limits.IdleTimeout)
	t.Cleanup(transport.CloseIdleConnections)
	u, err := url.Parse(h.URL)
	require.NoError(t, err)
	dnstest.Set(t, map[string][]string{"git.example.": {"127.0.0.1"}, "inward.example.": {"127.0.0.1"}, "outside.example.": {"203.0.113.1"}})
	c.Transport = transport
	c.Endpoint = func(context.Context) (Endpoint, error) {
		return Endpoint{URL: "http://git.example:" + u.Port() + "/o/r.git/info/lfs"}, nil
	}
	return c
}

// inward are URLs that lead to what only this machine reaches, and what the error says.
func inward(h *fakeHost) map[string]string {
	u, _ := url.Parse(h.URL)
	return map[string]string{
		"http://169.254.169.254/latest/meta-data/":  "a server leads to 169.254.169.254, a link-local address",
		"http://[fe80::1]/":                         "a server leads to fe80::1, a link-local address",
		"http://[::ffff:169.254.169.254]/":          "a link-local address",
		"http://[fd00:ec2::254]/":                   "a cloud's metadata service",
		"http://0.0.0.0:" + u.Port() + "/secret":    "an address that stands for any",
		"http://[::]:" + u.Port() + "/secret":       "an address that stands for any",
		"http://2130706433:" + u.Port() + "/secret": "a number that some take for an address",
	}
}

func TestNoServerLeadsInward(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	for to, want := range inward(h) {
		t.Run(to, func(t *testing.T) {
			redirect := func(_ int, w http.ResponseWriter, r *http.Request) bool {
				http.Redirect(w, r, to, http.StatusTemporaryRedirect)
				return true
			}
			href := func(_ string, object map[string]any) {
				object["actions"] = map[string]any{"download": map[string]any{"href": to}}
			}
			for name, set := range map[string]func(){
				"redirect of the batch":   func() { h.batch, h.object, h.edit = redirect, nil, nil },
				"redirect of the object":  func() { h.batch, h.object, h.edit = nil, redirect, nil },
				"href":                    func() { h.batch, h.object, h.edit = nil, nil, href },
				"redirect of its own URL": func() { h.batch, h.object, h.edit = nil, redirect, nil },
			} {
				set()
				c, clock := h.client()
				c.Transport = nil
				if name == "redirect of its own URL" {
					c.ObjectURL = func(o lfs.Object) string { return h.URL + "/store/" + o.OID }
				}
				err := c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o})
				require.Equal(t, Protocol, onlyFailure(t, err).Kind, name)
				require.ErrorContains(t, err, want, name)
				if strings.HasPrefix(want, "a server leads to ") {
					readme.Explains(t, err.Error(), "a server leads to ..., where none may lead")
				}
				require.Empty(t, clock.slept, "%s: it is not tried again", name)
			}
		})
	}
	for _, r := range h.all() {
		require.NotContains(t, r.path, "secret")
	}
}

// From a host on this machine, others on it are reached. From one outside they aren't, by no name: the endpoint of an SSH
// remote is an answer, too.
func TestNoServerOutsideLeadsToThisMachine(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	c := clientOfName(t, h)
	u, err := url.Parse(h.URL)
	require.NoError(t, err)
	require.NoError(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}), "git.example is this machine's name")
	seen := len(h.all())
	for _, host := range []string{"127.0.0.1", "localhost", "inward.example", "git.example"} {
		c.Endpoint = func(context.Context) (Endpoint, error) {
			return Endpoint{URL: "http://" + host + ":" + u.Port() + "/o/r.git/info/lfs", Host: "outside.example"}, nil
		}
		err := c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o})
		require.Equal(t, Protocol, onlyFailure(t, err).Kind, host)
		require.ErrorContains(t, err, "a server leads to 127.0.0.1, this machine itself, where none may lead that you don't name yourself", host)
	}
	require.Len(t, h.all(), seen, "it was not asked")
}

func TestAnInvalidPortIsAnErrorAtOnce(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	for _, port := range []string{"0", "65536", "99999"} {
		h.edit = func(_ string, object map[string]any) {
			object["actions"] = map[string]any{"download": map[string]any{"href": "http://127.0.0.1:" + port + "/x"}}
		}
		c, clock := h.client()
		err := c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o})
		require.ErrorContains(t, err, "download URL of the server: URL of host 127.0.0.1:"+port+" has a port that is none from 1 to 65535")
		require.Empty(t, clock.slept)
	}
}
