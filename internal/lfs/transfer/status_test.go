package transfer

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"lambdabase/internal/lfs"
	"lambdabase/test/readme"

	"github.com/stretchr/testify/require"
)

func TestStatusesOfTheBatchAPI(t *testing.T) {
	const (
		where    = "/o/r.git/info/lfs/objects/batch"
		quota    = "the repository's LFS quota is used up: wait, or mirror the objects and name the mirror with option objects"
		rate     = "the server limits how often it is asked: wait, or mirror the objects"
		advice   = ": pass a token as the secret GIT_AUTH_TOKEN.127.0.0.1"
		once     = 1
		fiveTime = 5
	)
	for name, tc := range map[string]struct {
		status   int
		body     string
		token    bool
		kind     Kind
		want     string
		requests int
	}{
		"401":                      {401, `{"message":"Credentials needed"}`, false, Unauthorized, `unauthorized (401 from %s): "Credentials needed"` + advice, once},
		"401, refused":             {401, `{"message":"Bad credentials"}`, true, Unauthorized, `the credential (secret GIT_AUTH_TOKEN) was refused (401 from %s): "Bad credentials"` + advice, once},
		"403":                      {403, "", false, Forbidden, `forbidden (403 from %s)` + advice, once},
		"403, refused":             {403, "", true, Forbidden, `the credential (secret GIT_AUTH_TOKEN) was refused (403 from %s)` + advice, once},
		"404":                      {404, `{"message":"Not Found"}`, false, NotFound, `not found, or private (404 from %s): "Not Found"` + advice, once},
		"404 with a token":         {404, `{"message":"Not Found"}`, true, NotFound, `not found, or not for the credential (secret GIT_AUTH_TOKEN) (404 from %s): "Not Found"`, once},
		"404 of nginx":             {404, "<html>\r\n<head><title>404 Not Found</title></head>", true, NotFound, `"404 Not Found"`, once},
		"410":                      {410, "", true, NotFound, `not found (410 from %s)`, once},
		"406":                      {406, "", true, Protocol, `unexpected answer (406 from %s)`, once},
		"413 for one":              {413, "too many", true, Protocol, `unexpected answer (413 from %s): "too many"`, once},
		"422":                      {422, `{"message":"bad"}`, true, Protocol, `unexpected answer (422 from %s): "bad"`, once},
		"203":                      {203, "<html><title>Sign In</title>", false, Unauthorized, `it asks to sign in (203 from %s): "Sign In"` + advice, once},
		"203, refused":             {203, "", true, Unauthorized, `the credential (secret GIT_AUTH_TOKEN) was refused (203 from %s)` + advice, once},
		"204":                      {204, "", true, Protocol, `unexpected answer (204 from %s)`, once},
		"300":                      {300, "", true, Protocol, `unexpected answer (300 from %s)`, once},
		"304":                      {304, "", true, Protocol, `unexpected answer (304 from %s)`, once},
		"408":                      {408, "", true, Unavailable, `server error (408 from %s): try again later`, fiveTime},
		"429":                      {429, "", true, Limit, `limit reached (429 from %s): ` + rate, fiveTime},
		"500":                      {500, `{"error":"boom"}`, true, Unavailable, `server error (500 from %s): "boom": try again later`, fiveTime},
		"501":                      {501, "", true, Unavailable, `server error (501 from %s)`, once},
		"502":                      {502, "<html><title>502 Bad Gateway</title>", true, Unavailable, `"502 Bad Gateway"`, fiveTime},
		"503":                      {503, "", true, Unavailable, `server error (503 from %s)`, fiveTime},
		"504":                      {504, "", true, Unavailable, `server error (504 from %s)`, fiveTime},
		"505":                      {505, "", true, Unavailable, `server error (505 from %s)`, once},
		"507":                      {507, "", true, Limit, `limit reached (507 from %s): ` + quota, once},
		"509":                      {509, "", true, Limit, `limit reached (509 from %s): ` + quota, once},
		"GitHub's quota":           {403, `{"message":"This repository is over its data quota. Account responsible for LFS bandwidth should purchase more data packs to restore access."}`, false, Limit, quota, once},
		"GitHub's quota, 509":      {509, `{"message":"This repository is over its data quota."}`, true, Limit, quota, once},
		"GitHub's budget":          {403, `{"message":"This repository exceeded its LFS budget. The account responsible for the budget should increase it to restore access."}`, true, Limit, quota, once},
		"bandwidth":                {429, "Bandwidth limit exceeded", true, Limit, quota, once},
		"GitLab's size":            {403, `{"message":"Your push was rejected: repository size limit exceeded"}`, true, Limit, quota, once},
		"GitLab's namespace":       {406, `{"message":"Namespace storage is exceeded"}`, true, Limit, quota, once},
		"GitHub's rate":            {403, `{"message":"You have exceeded a secondary rate limit"}`, true, Limit, rate, fiveTime},
		"too many requests":        {503, "Too Many Requests", true, Limit, rate, fiveTime},
		"a repository named quota": {404, `{"message":"no such repository: data quota"}`, true, NotFound, `not for the credential (secret GIT_AUTH_TOKEN) (404`, once},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			o := h.put("content")
			h.batch = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				w.WriteHeader(tc.status)
				io.WriteString(w, tc.body)
				return true
			}
			c, _ := h.client()
			withToken(c, h)
			if !tc.token {
				c.Authorization = nil
			}
			err := c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o})
			e := onlyFailure(t, err)
			require.Equal(t, tc.kind, e.Kind)
			require.Equal(t, tc.status, e.Status)
			require.Equal(t, h.URL+where, e.URL)
			require.ErrorContains(t, err, strings.ReplaceAll(tc.want, "%s", h.URL+where))
			require.ErrorContains(t, err, o.Path+" (sha256:"+o.OID+"): ")
			require.Len(t, h.batches(), tc.requests)
			switch {
			case tc.token && tc.kind == Unauthorized:
				readme.Explains(t, err.Error(), "the credential (secret ...) was refused")
			case strings.HasSuffix(tc.want, quota):
				readme.Explains(t, err.Error(), "the repository's LFS quota is used up")
			}
		})
	}
}

func TestAServerErrorThatPassesIsTriedAgain(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	h.batch = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n < 5 {
			w.WriteHeader(502)
		}
		return n < 5
	}
	h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n < 5 {
			w.WriteHeader(500)
		}
		return n < 5
	}
	c, clock := h.client()
	dir := t.TempDir()
	require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
	requireObjects(t, dir, o)
	s := time.Second
	require.Equal(t, []time.Duration{s, 2 * s, 4 * s, 8 * s, s, 2 * s, 4 * s, 8 * s}, clock.slept)
	require.Len(t, h.batches(), 5)
}

func TestRetryAfterIsKept(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"7":                             7 * time.Second,
		"60":                            time.Minute,
		"Tue, 01 Oct 2024 12:00:09 GMT": 9 * time.Second,
		"Tue, 01 Oct 2024 11:00:00 GMT": time.Second,
		"0":                             time.Second,
		"-5":                            time.Second,
		"soon":                          time.Second,
	} {
		h := newHost(t)
		o := h.put("content")
		h.object = func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 1 {
				w.Header().Set("Retry-After", value)
				w.WriteHeader(429)
			}
			return n == 1
		}
		c, clock := h.client()
		require.NoError(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}))
		require.Equal(t, []time.Duration{want}, clock.slept, value)
	}
}

func TestALongRetryAfterIsAnErrorAtOnce(t *testing.T) {
	for value, want := range map[string]string{
		"3600":                          "limit reached: the server asks to wait 1h0m0s",
		"61":                            "wait 1m1s",
		"Wed, 02 Oct 2024 12:00:00 GMT": "wait 24h0m0s",
		"99999999999999999999999":       "wait 596523h14m8s",
	} {
		h := newHost(t)
		o := h.put("content")
		h.batch = func(n int, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Retry-After", value)
			w.WriteHeader(429)
			return true
		}
		c, clock := h.client()
		err := c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o})
		require.ErrorContains(t, err, want)
		require.Equal(t, Limit, onlyFailure(t, err).Kind)
		require.Empty(t, clock.slept)
		require.Len(t, h.batches(), 1)
	}
}

func TestPausesAreBounded(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	h.Close()
	c, clock := h.client()
	c.Limits.MaxAttempts, c.Limits.MaxRetryDelay = 40, 3*time.Second
	err := c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o})
	require.Equal(t, Network, onlyFailure(t, err).Kind)
	require.ErrorContains(t, err, "no answer: dial tcp "+strings.TrimPrefix(h.URL, "http://"))
	require.ErrorContains(t, err, "connection refused")
	require.Len(t, clock.slept, 39)
	require.Equal(t, 3*time.Second, clock.slept[38])
}

func TestAServerThatIsDownIsNotAskedForEachObjectAsOftenAsForTheFirst(t *testing.T) {
	h, down := newHost(t), newHost(t)
	var objects []lfs.Object
	for i := range 100 {
		objects = append(objects, h.put("content "+text(i+1)))
	}
	h.edit = func(oid string, object map[string]any) {
		object["actions"] = map[string]any{"download": map[string]any{"href": down.URL + "/store/" + oid}}
	}
	down.object = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		w.WriteHeader(500)
		return true
	}
	c, _ := h.client()
	c.Limits.ConcurrentTransfers = 2
	require.Len(t, failures(t, c.Fetch(t.Context(), t.TempDir(), objects)), 100)
	require.LessOrEqual(t, len(down.downloads()), 100+10)
}

func TestAMessageIsShownOnOneLineAndCut(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	h.batch = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		w.WriteHeader(422)
		fmt.Fprintf(w, `{"message":"a\n\tb\u001b[31m \u202ec https://u:p@h/x?sig=1 %s"}`, strings.Repeat("é", 400))
		return true
	}
	c, _ := h.client()
	e := onlyFailure(t, c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o}))
	require.True(t, strings.HasPrefix(e.Message, "a b [31m c https://h/x"), e.Message)
	require.NotContains(t, e.Message, "sig=1")
	require.True(t, strings.HasSuffix(e.Message, "é…"))
	require.LessOrEqual(t, len(e.Message), 300)
}
