package transfer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"lambdabase/internal/lfs"

	"github.com/stretchr/testify/require"
)

func TestTheCredentialGoesToItsServerOnly(t *testing.T) {
	for name, tc := range map[string]struct {
		header        map[string]any // of the action
		authenticated bool
		elsewhere     bool   // the store is another host
		want          string // Authorization that the store gets
	}{
		"own store":                      {nil, false, false, "Bearer " + canarySecret},
		"own store, authenticated":       {nil, true, false, ""},
		"own store, given":               {map[string]any{"Authorization": "Basic own"}, true, false, "Basic own"},
		"own store, echo":                {map[string]any{"authorization": "Bearer " + canarySecret}, true, false, "Bearer " + canarySecret},
		"other store":                    {nil, false, true, "Basic other"},
		"other store, authenticated":     {nil, true, true, ""},
		"other store, given":             {map[string]any{"Authorization": "Basic given"}, true, true, "Basic given"},
		"other store, echo":              {map[string]any{"Authorization": "Bearer " + canarySecret}, true, true, "Basic other"},
		"other store, echo of a token":   {map[string]any{"authorization": "token " + canarySecret}, false, true, "Basic other"},
		"other store, echo by a header":  {map[string]any{"Private-Token": canarySecret}, false, true, "Basic other"},
		"other store, echo in a header":  {map[string]any{"X-Amz-Meta": "x" + canarySecret}, false, true, "Basic other"},
		"other store, nothing but given": {map[string]any{"X-Amz-Date": "d"}, true, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h, other := newHost(t), newHost(t)
			o := h.put(text(100))
			other.put(text(100))
			store := h
			if tc.elsewhere {
				store = other
			}
			h.edit = func(oid string, object map[string]any) {
				object["authenticated"] = tc.authenticated
				object["actions"] = map[string]any{"download": map[string]any{"href": store.URL + "/store/" + oid, "header": tc.header}}
			}
			c, _ := h.client()
			withToken(c, h)
			own := c.Authorization
			c.Authorization = func(u *url.URL) (string, string) {
				if "http://"+u.Host == other.URL {
					return "Basic other", "secret OTHER"
				}
				return own(u)
			}
			dir := t.TempDir()
			require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
			requireObjects(t, dir, o)
			require.Equal(t, "Bearer "+canarySecret, h.batches()[0].header.Get("Authorization"))
			require.Equal(t, tc.want, store.downloads()[0].header.Get("Authorization"))
			for _, s := range other.all() {
				for name, values := range s.header {
					require.NotContains(t, strings.Join(values, ""), canarySecret, name)
				}
			}
		})
	}
}

func TestRedirectsAreFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 307, 308} {
		h, other := newHost(t), newHost(t)
		o := h.put(text(1000))
		other.put(text(1000))
		h.otherHandler = func(w http.ResponseWriter, r *http.Request) {}
		h.batch = func(n int, w http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(r.URL.Path, "/o/") {
				w.Header().Set("Location", "/moved.git/info/lfs/objects/batch")
				w.WriteHeader(status)
				return true
			}
			return false
		}
		h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Location", other.URL+"/store/"+o.OID+"?sig=1")
			w.WriteHeader(status)
			return true
		}
		h.edit = func(oid string, object map[string]any) {
			link := h.downloadAction(oid)
			link["header"] = map[string]any{"Authorization": "Basic " + canarySecret, "X-Amz-Token": canarySecret, "Accept": "application/x"}
			object["actions"] = map[string]any{"download": link}
		}
		other.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
			return n == 1 && cutAt(w, r, other.content[o.OID], 400)
		}
		c, _ := h.client()
		withToken(c, h)
		c.Endpoint = func(context.Context) (Endpoint, error) {
			return Endpoint{URL: h.URL + "/o/r.git/info/lfs", Header: map[string]string{"Lfs-Token": canarySecret}}, nil
		}
		dir := t.TempDir()
		require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
		requireObjects(t, dir, o)
		batches := h.batches()
		require.Len(t, batches, 2)
		require.Equal(t, http.MethodPost, batches[1].method)
		require.Equal(t, []string{o.OID}, batches[1].oids, "the body goes along")
		require.Equal(t, "Bearer "+canarySecret, batches[1].header.Get("Authorization"), "to the same host")
		require.Equal(t, canarySecret, batches[1].header.Get("Lfs-Token"))
		require.Len(t, other.downloads(), 2)
		for _, d := range other.downloads() {
			require.Empty(t, d.header.Get("Authorization"))
			require.Empty(t, d.header.Get("X-Amz-Token"))
			require.Empty(t, d.header.Get("Accept"))
			require.Equal(t, "sig=1", d.query)
		}
		require.Equal(t, "bytes=400-", other.downloads()[1].header.Get("Range"), "a range goes along")
	}
}

func TestARedirectToAnotherHostAndBackLosesTheCredential(t *testing.T) {
	h, other := newHost(t), newHost(t)
	o := h.put("content")
	h.batch = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 1 {
			http.Redirect(w, r, other.URL+"/o/r.git/info/lfs/objects/batch", http.StatusTemporaryRedirect)
		} else {
			w.WriteHeader(401)
		}
		return true
	}
	other.batch = func(n int, w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, h.URL+"/o/r.git/info/lfs/objects/batch", http.StatusTemporaryRedirect)
		return true
	}
	c, _ := h.client()
	err := withToken(c, h).Fetch(t.Context(), t.TempDir(), []lfs.Object{o})
	require.Equal(t, Unauthorized, onlyFailure(t, err).Kind)
	require.NotContains(t, err.Error(), "the credential", "none was sent there")
	require.Empty(t, other.batches()[0].header.Get("Authorization"))
	require.Empty(t, h.batches()[1].header.Get("Authorization"))
}

func TestRedirectsThatAreNotFollowed(t *testing.T) {
	secure := newTLSHost(t)
	o := secure.put("content")
	for name, tc := range map[string]struct{ location, want string }{
		"to itself":         {secure.URL + "/o/r.git/info/lfs/objects/batch?X=" + canarySignature, "more than 3 redirects, the last one to host 127.0.0.1"},
		"to http":           {"http://h.example/x?X=" + canarySignature, "redirect from https to http, to host h.example"},
		"to user info":      {"https://" + canarySecret + "@h.example/x", "URL of host h.example has user information"},
		"to a file":         {"file:///etc/passwd", "redirect: no absolute http or https URL"},
		"to nowhere":        {"", "redirect to nowhere"},
		"to a malformed":    {"https://h/%zz" + canarySecret, "redirect to a malformed URL"},
		"to no host":        {"https:///x", "redirect: no absolute http or https URL"},
		"to another scheme": {"javascript:alert(1)", "no absolute http or https URL"},
	} {
		t.Run(name, func(t *testing.T) {
			lead := func(n int, w http.ResponseWriter, r *http.Request) bool {
				w.Header().Set("Location", tc.location)
				w.WriteHeader(307)
				return true
			}
			secure.batch, secure.object = lead, nil
			c, clock := secure.client()
			withToken(c, secure)
			err := c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o})
			e := onlyFailure(t, err)
			require.Equal(t, Protocol, e.Kind)
			require.ErrorContains(t, err, tc.want)
			require.NotContains(t, err.Error(), "CANARY")
			require.Empty(t, clock.slept)

			secure.batch, secure.object = nil, lead
			err = c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o})
			require.Error(t, err)
			require.NotContains(t, err.Error(), "CANARY")
		})
	}
	secure.batch = func(n int, w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, "/x", http.StatusSeeOther)
		return true
	}
	c, _ := secure.client()
	require.ErrorContains(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}), "redirect that would lose what is asked for (303 from")
}

func TestThreeRedirectsAreFollowedAndNoMore(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	for hops, good := range map[int]bool{3: true, 4: false} {
		left := hops
		h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
			if left--; left < 0 {
				return false
			}
			http.Redirect(w, r, r.URL.Path, http.StatusSeeOther) // which is well for a GET
			return true
		}
		c, _ := h.client()
		err := c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o})
		require.Equal(t, good, err == nil, "%d: %v", hops, err)
	}
}

func TestAnHTTPSServerNeverLeadsToHTTP(t *testing.T) {
	secure, plain := newTLSHost(t), newHost(t)
	o := secure.put("content")
	plain.put("content")
	secure.edit = func(oid string, object map[string]any) {
		object["actions"] = map[string]any{"download": plain.downloadAction(oid)}
	}
	c, _ := secure.client()
	e := onlyFailure(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}))
	require.Equal(t, Protocol, e.Kind)
	require.ErrorContains(t, e, "http on host 127.0.0.1")
	require.Empty(t, plain.all())
}

func TestACertificateNobodySignedIsNotTriedAgain(t *testing.T) {
	secure := newTLSHost(t)
	o := secure.put("content")
	c, clock := secure.client()
	c.Transport = nil
	err := c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o})
	require.Equal(t, Network, onlyFailure(t, err).Kind)
	require.ErrorContains(t, err, "certificate")
	require.ErrorAs(t, err, new(x509.UnknownAuthorityError))
	require.ErrorAs(t, err, new(*tls.CertificateVerificationError))
	require.Empty(t, clock.slept)
}
