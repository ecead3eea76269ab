package transfer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"lambdabase/internal/lfs"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

func TestTheBatchRequestIsAsTheSpecificationHasIt(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	c, _ := h.client()
	require.NoError(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}))
	require.JSONEq(t, `{"operation":"download","transfers":["basic"],"hash_algo":"sha256","objects":[{"oid":"`+o.OID+`","size":7}]}`, h.batches()[0].body)
}

func TestAnswersThatAreNotOfLFSAreTold(t *testing.T) {
	const hint = "is LFS enabled there, or does a proxy or a login page stand in between"
	for name, tc := range map[string]struct{ kind, body, want string }{
		"a page":           {"text/html", "<!doctype html><title>Log in</title>", `the server answers with an HTML page: ` + hint + ` (`},
		"its title":        {"text/html", "<!doctype html><title>Log in</title>", `"Log in"`},
		"a late page":      {"text/html", "\n\n <html>", "an HTML page: " + hint},
		"text":             {"text/plain", "ok", "something else than LFS: " + hint},
		"nothing":          {mediaType, "", hint},
		"other JSON":       {mediaType, `{"status":"ok"}`, hint},
		"a list":           {mediaType, `[]`, hint},
		"cut":              {mediaType, `{"objects":[{"oid":"`, hint},
		"more":             {mediaType, `{"objects":[]}{"objects":[]}`, hint},
		"objects are text": {mediaType, `{"objects":"x"}`, hint},
		"other hash":       {mediaType, `{"hash_algo":"sha512","objects":[]}`, `hash algorithm "sha512", want sha256`},
		"other transfer":   {mediaType, `{"transfer":"tus","objects":[]}`, `transfer "tus", want basic`},
		"odd transfer":     {mediaType, `{"transfer":"a\u0000\nb\u202e","objects":[]}`, `transfer "a b", want basic`},
		"deep":             {mediaType, `{"objects":` + strings.Repeat("[", 100_000), hint},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			o := h.put("content")
			h.batch = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				w.Header().Set("Content-Type", tc.kind)
				io.WriteString(w, tc.body)
				return true
			}
			c, _ := h.client()
			c.Hint = func(*url.URL) string { return "pass a token as the secret" }
			err := c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o})
			require.Equal(t, Protocol, onlyFailure(t, err).Kind)
			require.ErrorContains(t, err, tc.want)
			require.Equal(t, strings.Contains(tc.body, "html"), strings.Contains(err.Error(), "pass a token as the secret"))
			require.Len(t, h.batches(), 1)
		})
	}
}

func TestTheContentTypeOfAnAnswerDoesNotMatter(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	h.batch = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		fmt.Fprintf(w, `{"objects":[{"oid":%q,"size":7,"_links":{"download":{"href":%q}}}]}`, o.OID, h.URL+"/store/"+o.OID)
		return true
	}
	c, _ := h.client()
	dir := t.TempDir()
	require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
	requireObjects(t, dir, o)
}

func TestAnAnswerWithoutEndIsNotReadToIt(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	sent := make(chan int64, 1)
	h.batch = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		io.WriteString(w, `{"objects":[],"x":"`)
		n, _ := io.Copy(w, endless{})
		sent <- n
		return true
	}
	c, _ := h.client()
	err := c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o})
	require.ErrorContains(t, err, "an answer of more than 7602176 bytes")
	require.Less(t, <-sent, int64(64<<20))
}

func TestWhatTheServerSaysOfAnObjectIsChecked(t *testing.T) {
	link := func(href string) map[string]any { return map[string]any{"download": map[string]any{"href": href}} }
	headers := func(base map[string]any, h map[string]any) map[string]any {
		l := map[string]any{"header": h}
		l["href"] = base["href"]
		return map[string]any{"download": l}
	}
	h := newHost(t)
	o := h.put("content")
	store := h.URL + "/store/" + o.OID
	for name, tc := range map[string]struct {
		edit func(object map[string]any)
		kind Kind
		want string
	}{
		"missing":          {func(m map[string]any) { m["oid"] = oid }, Protocol, "the server says nothing of it"},
		"other case":       {func(m map[string]any) { m["oid"] = strings.ToUpper(o.OID) }, Protocol, "the server says nothing of it"},
		"oid is no text":   {func(m map[string]any) { m["oid"] = 5 }, Protocol, "the server says nothing of it"},
		"larger":           {func(m map[string]any) { m["size"] = 8 }, Protocol, "the server says that it has 8 bytes, the pointer 7"},
		"negative":         {func(m map[string]any) { m["size"] = -1 }, Protocol, "the server says that it has -1 bytes"},
		"size is text":     {func(m map[string]any) { m["size"] = "7" }, Protocol, "the server's answer for it is malformed"},
		"no size":          {func(m map[string]any) { delete(m, "size") }, "", ""},
		"no actions":       {func(m map[string]any) { delete(m, "actions") }, Protocol, "the server has no download for it"},
		"null actions":     {func(m map[string]any) { m["actions"] = nil }, Protocol, "the server has no download for it"},
		"another action":   {func(m map[string]any) { m["actions"] = map[string]any{"upload": map[string]any{"href": store}} }, Protocol, "no download"},
		"no href":          {func(m map[string]any) { m["actions"] = link("") }, Protocol, "no absolute http or https URL"},
		"relative href":    {func(m map[string]any) { m["actions"] = link("/store/" + o.OID) }, Protocol, "no absolute http or https URL"},
		"no scheme":        {func(m map[string]any) { m["actions"] = link("//host/store/" + o.OID) }, Protocol, "no absolute http or https URL"},
		"a file":           {func(m map[string]any) { m["actions"] = link("file:///etc/passwd") }, Protocol, "no absolute http or https URL"},
		"ftp":              {func(m map[string]any) { m["actions"] = link("ftp://host/x") }, Protocol, "no absolute http or https URL"},
		"no host":          {func(m map[string]any) { m["actions"] = link("http://:80/x") }, Protocol, "no absolute http or https URL"},
		"malformed href":   {func(m map[string]any) { m["actions"] = link("http://h/%zz") }, Protocol, "malformed URL"},
		"line break":       {func(m map[string]any) { m["actions"] = link("http://h/\r\nHost: x") }, Protocol, "malformed URL"},
		"user information": {func(m map[string]any) { m["actions"] = link("http://u:p@h/x") }, Protocol, "URL of host h has user information in it"},
		"fragment":         {func(m map[string]any) { m["actions"] = link(store + "#x") }, "", ""},
		"header line break": {func(m map[string]any) {
			m["actions"] = headers(h.downloadAction(o.OID), map[string]any{"Authorization": "x\r\nHost: y"})
		}, Protocol, "header Authorization with a line break"},
		"header is a list": {func(m map[string]any) {
			m["actions"] = headers(h.downloadAction(o.OID), map[string]any{"Authorization": []string{"x"}})
		}, Protocol, "malformed"},
		"error wins":            {func(m map[string]any) { m["error"] = map[string]any{"code": 410, "message": "gone"} }, NotFound, `not found (410`},
		"error 404":             {func(m map[string]any) { m["error"] = map[string]any{"code": 404, "message": "x"} }, NotFound, `): not found (404`},
		"error 422":             {func(m map[string]any) { m["error"] = map[string]any{"code": 422, "message": "bad oid"} }, Protocol, `unexpected answer (422`},
		"error 403":             {func(m map[string]any) { m["error"] = map[string]any{"code": 403, "message": "no"} }, Forbidden, `forbidden (403`},
		"error without a code":  {func(m map[string]any) { m["error"] = map[string]any{"message": "no"} }, Protocol, `"no"`},
		"error without a word":  {func(m map[string]any) { m["error"] = map[string]any{} }, Protocol, `unexpected answer (http`},
		"error that stays":      {func(m map[string]any) { m["error"] = map[string]any{"code": 503, "message": "busy"} }, Unavailable, `server error (503`},
		"error 507":             {func(m map[string]any) { m["error"] = map[string]any{"code": 507, "message": "full"} }, Limit, `mirror the objects`},
		"error of another kind": {func(m map[string]any) { m["error"] = "x" }, Protocol, `malformed`},
	} {
		t.Run(name, func(t *testing.T) {
			good := h.put("another")
			h.edit = func(oid string, object map[string]any) {
				if oid == o.OID {
					tc.edit(object)
				}
			}
			c, _ := h.client()
			c.Hint = func(*url.URL) string { return "pass a token" }
			dir := t.TempDir()
			err := c.Fetch(t.Context(), dir, []lfs.Object{o, good})
			if tc.want == "" {
				require.NoError(t, err)
				requireObjects(t, dir, o, good)
				return
			}
			require.ErrorContains(t, err, tc.want)
			require.Equal(t, tc.kind, onlyFailure(t, err).Kind)
			require.Equal(t, o.OID, onlyFailure(t, err).OID)
			requireObjects(t, dir, good)
		})
	}
}

func TestObjectsNobodyAskedForAreIgnoredAndTheFirstAnswerCounts(t *testing.T) {
	h := newHost(t)
	o, other := h.put("content"), h.put("other")
	h.batch = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		object := func(o lfs.Object, path string) map[string]any {
			return map[string]any{"oid": o.OID, "size": o.Size, "actions": map[string]any{"download": map[string]any{"href": h.URL + path + o.OID}}}
		}
		json.NewEncoder(w).Encode(map[string]any{"objects": []any{object(other, "/store/"), object(o, "/store/"), object(o, "/evil/"), nil, 5, map[string]any{"oid": "../../x"}}})
		return true
	}
	c, _ := h.client()
	dir := t.TempDir()
	require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
	requireObjects(t, dir, o)
	require.Len(t, h.all(), 2)
}

func TestAnErrorThatPassesIsTriedAgain(t *testing.T) {
	for _, code := range []int{429, 500, 503} {
		h := newHost(t)
		o, good := h.put("content"), h.put("good")
		asked := 0
		h.edit = func(oid string, object map[string]any) {
			if oid != o.OID {
				return
			}
			if asked++; asked < 3 {
				delete(object, "actions")
				object["error"] = map[string]any{"code": code, "message": "later"}
			}
		}
		c, clock := h.client()
		dir := t.TempDir()
		require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o, good}))
		requireObjects(t, dir, o, good)
		require.Equal(t, []string{o.OID}, h.batches()[1].oids, "only this one is asked for again")
		require.Equal(t, []time.Duration{time.Second, 2 * time.Second}, clock.slept)
	}
}

func TestOnlyHeadersThatAStoreNeedsAreSent(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	wanted := map[string]string{
		"Authorization": "Basic c3RvcmU=", "X-Amz-Date": "d", "x-ms-version": "v", "X-Goog-Hash": "h",
		"Private-Token": "p", "X-Gitlab-Token": "g", "Lfs-Authenticate": "l", "Accept": "application/x",
	}
	unwanted := map[string]string{
		"Host": "evil.example", "Cookie": "c=d", "Range": "bytes=0-0", "If-Range": "x", "Transfer-Encoding": "chunked", "Content-Length": "5",
		"Proxy-Authorization": "x", "Connection": "close", "Metadata": "true", "Metadata-Flavor": "Google", "X-Google-Metadata-Request": "True",
		"X-Goog-Metadata-Flavor": "x", "X-Aws-Ec2-Metadata-Token": "x", "X-Aws-Ec2-Metadata-Token-Ttl-Seconds": "60", "Content-Type": "text/x",
		"User-Agent": "x", "Accept-Encoding": "gzip", "X-Forwarded-For": "127.0.0.1", "X-Amz- Bad": "x", "X-Amz-\r\nHost": "x", "": "x",
	}
	h.edit = func(oid string, object map[string]any) {
		header := map[string]any{}
		for _, m := range []map[string]string{wanted, unwanted} {
			for k, v := range m {
				header[k] = v
			}
		}
		link := h.downloadAction(oid)
		link["header"] = header
		object["actions"] = map[string]any{"download": link}
	}
	c, _ := h.client()
	require.NoError(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}))
	got := h.downloads()[0].header
	for name, value := range wanted {
		require.Equal(t, value, got.Get(name), name)
	}
	for name, value := range unwanted {
		require.NotEqual(t, value, got.Get(name), name)
	}
	require.Len(t, got, len(wanted)+2, "besides Accept-Encoding and User-Agent: %v", got)
}

func TestTheEndpointIsAskedAgainOnceItHasExpired(t *testing.T) {
	h := newHost(t)
	var objects []lfs.Object
	for i := range 250 {
		objects = append(objects, h.put("content "+text(i+1)))
	}
	c, clock := h.client()
	asked := 0
	c.Endpoint = func(context.Context) (Endpoint, error) {
		asked++
		return Endpoint{
			URL:     h.URL + "/o/r.git/info/lfs/",
			Header:  map[string]string{"Authorization": fmt.Sprintf("RemoteAuth %d", asked), "X-Other": "x", "Lfs-X": "1"},
			Expires: clock.Now().Add(15 * time.Second),
		}, nil
	}
	h.batch = func(n int, w http.ResponseWriter, r *http.Request) bool {
		clock.Sleep(context.Background(), 6*time.Second)
		return false
	}
	require.NoError(t, c.Fetch(t.Context(), t.TempDir(), objects))
	var sent []string
	for _, b := range h.batches() {
		sent = append(sent, b.header.Get("Authorization"))
		require.Empty(t, b.header.Get("X-Other"))
		require.Equal(t, "1", b.header.Get("Lfs-X"))
	}
	require.Equal(t, []string{"RemoteAuth 1", "RemoteAuth 1", "RemoteAuth 2"}, sent)
}

func TestACredentialForSSHThatIsRefusedIsAskedForOnceMore(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	c, _ := h.client()
	asked := 0
	c.Endpoint = func(context.Context) (Endpoint, error) {
		asked++
		return Endpoint{URL: h.URL + "/o/r.git/info/lfs", Header: map[string]string{"Authorization": fmt.Sprintf("RemoteAuth %d", asked)}}, nil
	}
	h.batch = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 1 {
			w.WriteHeader(401)
		}
		return n == 1
	}
	require.NoError(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}))
	require.Equal(t, 2, asked)

	h.batch = func(n int, w http.ResponseWriter, r *http.Request) bool {
		w.WriteHeader(401)
		return true
	}
	e := onlyFailure(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}))
	require.Equal(t, Unauthorized, e.Kind)
	require.ErrorContains(t, e, "the credential (given by git-lfs-authenticate) was refused")
	require.Equal(t, 4, asked)
}

func TestABadEndpointIsTold(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	for want, endpoint := range map[string]Endpoint{
		"no absolute http or https URL":                {URL: "ssh://host/x"},
		"LFS endpoint: no absolute":                    {},
		"URL of host h has user information":           {URL: "https://u:p@h/x"},
		"URL of host h has a query or a fragment":      {URL: "https://h/x?a=b"},
		"URL of host i has a query or a fragment":      {URL: "https://i/x#a"},
		"header Authorization with a line break":       {URL: "https://h/x", Header: map[string]string{"Authorization": "a\nb"}},
		"LFS endpoint: malformed URL":                  {URL: "https://h/%zz"},
		"the credential (secret S) has a line break o": {URL: "https://good/x"},
	} {
		c, _ := h.client()
		c.Endpoint = func(context.Context) (Endpoint, error) { return endpoint, nil }
		c.Authorization = func(u *url.URL) (string, string) { return "Bearer x\ny", "secret S" }
		require.ErrorContains(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}), want)
	}
	c, clock := h.client()
	c.Endpoint = nil
	require.ErrorContains(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}), "no endpoint")
	c.Endpoint = func(context.Context) (Endpoint, error) {
		return Endpoint{}, &url.Error{Op: "Get", URL: "https://u:p@h/x?token=" + canarySecret, Err: io.ErrUnexpectedEOF}
	}
	err := c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NotContains(t, err.Error(), canarySecret)
	require.NotContains(t, err.Error(), "u:p")
	require.Len(t, clock.slept, 4, "a connection that breaks is tried again")

	calls := 0
	c.Endpoint = func(context.Context) (Endpoint, error) {
		if calls++; calls == 1 {
			return Endpoint{}, errors.Wrap(syscall.ECONNRESET, "ssh")
		}
		return Endpoint{URL: h.URL + "/o/r.git/info/lfs"}, nil
	}
	require.NoError(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}))

	calls = 0
	c.Endpoint = func(context.Context) (Endpoint, error) {
		calls++
		return Endpoint{}, errors.New("permission denied (publickey)")
	}
	require.ErrorContains(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}), "permission denied")
	require.Equal(t, 1, calls, "what won't get better is not")
}

func FuzzBatchResponse(f *testing.F) {
	f.Add([]byte(`{"transfer":"basic","hash_algo":"sha256","objects":[{"oid":"`+oid+`","size":5,"authenticated":true,"actions":{"download":{"href":"https://h/x?s=1","header":{"Authorization":"Basic x","X-Amz-Date":"1"},"expires_in":5,"expires_at":"2024-10-01T12:00:00Z"}}}]}`), true)
	f.Add([]byte(`{"objects":[{"oid":"`+oid+`","error":{"code":404,"message":"x"}},{"oid":"x","_links":{"download":{"href":"http://h"}}}]}`), false)
	f.Add([]byte(`<!DOCTYPE html><title>x</title>`), false)
	now := time.Date(2024, 10, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body []byte, secure bool) {
		endpoint := &url.URL{Scheme: "http", Host: "h", Path: "/x"}
		if secure {
			endpoint.Scheme = "https"
		}
		offers, err := parseBatch(body, []lfs.Object{{Pointer: lfs.Pointer{OID: oid, Size: 5}}}, endpoint, now)
		if err != nil {
			require.Less(t, len(err.Error()), 1000)
			return
		}
		require.Len(t, offers, 1)
		o, ok := offers[oid]
		require.True(t, ok, "the one that was asked for")
		if o.err != nil || o.objectErr != nil {
			return
		}
		require.Contains(t, []string{"http", "https"}, o.action.url.Scheme)
		require.False(t, secure && o.action.url.Scheme == "http")
		require.NotEmpty(t, o.action.url.Hostname())
		require.Nil(t, o.action.url.User)
		require.Empty(t, o.action.url.Fragment)
		_, err = http.NewRequest(http.MethodGet, o.action.url.String(), nil)
		require.NoError(t, err)
		for name, values := range o.action.header {
			require.True(t, isAllowedHeader(name), name)
			require.NotContains(t, strings.ToLower(name), "metadata")
			require.Len(t, values, 1)
			require.False(t, strings.ContainsAny(values[0], "\r\n\x00"))
		}
	})
}
