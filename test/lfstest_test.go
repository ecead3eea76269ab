package test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lambdabase/internal/lfs"
	"lambdabase/internal/lfs/transfer"
	"lambdabase/test/sandbox"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// lfstest is the server that git-lfs itself is tested with. It goes wrong by the name of a repository, or by the content
// of an object.
type lfstest struct {
	url, ssl, dir string
}

func startLFSTest(t *testing.T) *lfstest {
	t.Helper()
	program := sandbox.Tool(t, "lfstest-gitserver")
	dir := t.TempDir()
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "LFSTEST_DIR="+dir)
	for _, name := range []string{"URL", "SSL_URL", "CLIENT_CERT_URL", "CERT", "CLIENT_CERT", "CLIENT_KEY", "CLIENT_KEY_ENCRYPTED"} {
		cmd.Env = append(cmd.Env, "LFSTEST_"+name+"="+filepath.Join(dir, name))
	}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	s := &lfstest{dir: dir}
	sandbox.Wait(t, func() bool {
		_, err := os.Stat(filepath.Join(dir, "CLIENT_KEY_ENCRYPTED")) // the last one that it writes
		return err == nil
	}, "lfstest-gitserver")
	for name, to := range map[string]*string{"URL": &s.url, "SSL_URL": &s.ssl} {
		dt, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		*to = string(dt)
	}
	return s
}

// put stores an object in a repository.
func (s *lfstest) put(t *testing.T, repository, content string) lfs.Object {
	t.Helper()
	sum := sha256.Sum256([]byte(content))
	o := lfs.Object{Pointer: lfs.Pointer{OID: hex.EncodeToString(sum[:]), Size: int64(len(content))}, Path: content}
	for range 3 { // it fails on purpose for some
		body := io.MultiReader(strings.NewReader(content)) // which is sent in chunks: one repository insists
		req, err := http.NewRequest(http.MethodPut, s.url+"/storage/"+o.OID+"?r="+repository, body)
		require.NoError(t, err)
		req.Header.Set("Authorization", basicValue("requirecreds:pass"))
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			break
		}
	}
	return o
}

// client of one repository; path is what stands before it, for redirects.
func (s *lfstest) client(path, repository, authorization string) (*transfer.Client, *skippingClock) {
	clock := &skippingClock{server: s, repository: repository}
	return &transfer.Client{
		Endpoint: func(context.Context) (transfer.Endpoint, error) {
			server, err := lfs.ServerURL(s.url + path + "/" + repository)
			return transfer.Endpoint{URL: server}, err
		},
		Authorization: func(u *url.URL) (string, string) {
			if "http://"+u.Host != s.url {
				return "", ""
			}
			return authorization, "secret GIT_AUTH_TOKEN"
		},
		Clock: clock,
	}, clock
}

func basicValue(userPassword string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(userPassword))
}

// skippingClock lets no time pass, and tells the server that it has: its limits of requests are real ones.
type skippingClock struct {
	server     *lfstest
	repository string
	oid        string
	mu         sync.Mutex
	slept      []time.Duration
}

func (c *skippingClock) Now() time.Time { return time.Now() }

func (c *skippingClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slept = append(c.slept, d)
	for _, query := range []string{"api=batch&direction=&oid=", "api=storage&direction=download&oid=" + c.oid} {
		resp, err := http.Get(c.server.url + "/limits/?" + query + "&tokens=max&repo=" + c.repository)
		if err != nil {
			return err
		}
		resp.Body.Close()
	}
	return ctx.Err()
}

func TestGitLFSOwnServerObjectsThatGoWrong(t *testing.T) {
	t.Parallel()
	s := startLFSTest(t)
	const user = "user:pass"
	for content, tc := range map[string]struct {
		kind  transfer.Kind // empty: the object comes
		want  string
		slept int
	}{
		"plain":                                     {},
		"status-batch-403":                          {kind: transfer.Forbidden, want: `the credential (secret GIT_AUTH_TOKEN) was refused (403`},
		"status-batch-404":                          {kind: transfer.NotFound, want: `not found (404`},
		"status-batch-410":                          {kind: transfer.NotFound, want: `not found (410`},
		"status-batch-422":                          {kind: transfer.Protocol, want: `(422`},
		"status-batch-500":                          {kind: transfer.Unavailable, want: `server error (500`, slept: 4},
		"status-storage-403":                        {kind: transfer.NotFound, want: `does not exist`}, // it takes none of these
		"return-expired-action":                     {},
		"return-expired-action-forever":             {kind: transfer.Protocol, want: "has ended already", slept: 4},
		"return-invalid-size":                       {kind: transfer.Protocol, want: "the server says that it has -1 bytes"},
		"unknown-oid":                               {kind: transfer.Protocol, want: "the server says nothing of it"},
		"send-deprecated-links":                     {},
		"send-verify-action":                        {},
		"redirect-storage-upload":                   {},
		"batch-hash-algo-empty":                     {},
		"batch-hash-algo-invalid":                   {kind: transfer.Protocol, want: `hash algorithm "invalid", want sha256`},
		"storage-upload-retry":                      {},
		"storage-download-corrupt":                  {kind: transfer.Corrupted, want: "the server sent something else: sha256:", slept: 1},
		"storage-download-retry":                    {slept: 2},
		"storage-download-retry-later":              {slept: 1},
		"storage-download-retry-later-no-header":    {slept: 1},
		"storage-download-retry-range":              {slept: 1},
		"storage-download-retry-range-rejected":     {slept: 1},
		"storage-download-retry-no-invalid-range":   {},
		"storage-download-encoding-gzip":            {kind: transfer.Unavailable, want: "not encoded", slept: 4}, // it insists, we ask for none
		"storage-download-encoding-zstd":            {kind: transfer.Unavailable, want: "not encoded", slept: 4},
		"status-storage-503, but not quite as that": {},
	} {
		t.Run(content, func(t *testing.T) {
			repository := "objects-" + strings.ReplaceAll(content, " ", "_")
			o, good := s.put(t, repository, content), s.put(t, repository, "good")
			c, clock := s.client("", repository, basicValue(user))
			clock.oid = o.OID
			dir := t.TempDir()
			err := c.Fetch(t.Context(), dir, []lfs.Object{o, good})
			if tc.kind == "" {
				require.NoError(t, err)
				dt, err := os.ReadFile(filepath.Join(dir, o.OID))
				require.NoError(t, err)
				require.Equal(t, content, string(dt))
			} else {
				require.ErrorContains(t, err, tc.want)
				var e *transfer.Error
				require.True(t, errors.As(err, &e))
				require.Equal(t, tc.kind, e.Kind, "%v", err)
			}
			require.Len(t, clock.slept, tc.slept, "%v", clock.slept)
			if content != "batch-hash-algo-invalid" { // which is of the whole answer
				require.FileExists(t, filepath.Join(dir, good.OID))
			}
		})
	}
}

func TestGitLFSOwnServerRepositoriesThatGoWrong(t *testing.T) {
	t.Parallel()
	s := startLFSTest(t)
	for name, tc := range map[string]struct {
		path, repository, authorization string
		kind                            transfer.Kind // empty: the objects come
		want                            string
		slept                           int
	}{
		"plain":                 {"", "plain", basicValue("user:pass"), "", "", 0},
		"plain with .git":       {"", "plain2.git", basicValue("user:pass"), "", "", 0},
		"no credential":         {"", "plain", "", transfer.Unauthorized, "unauthorized (401", 0},
		"wrong credential":      {"", "plain", basicValue("user:wrong"), transfer.Forbidden, "the credential (secret GIT_AUTH_TOKEN) was refused (403", 0},
		"wrong credential, 401": {"", "x-401-unauth", basicValue("user:wrong"), transfer.Unauthorized, "was refused (401", 0},
		"storage wants it too":  {"", "requirecreds", basicValue("requirecreds:pass"), "", "", 0},
		"storage refuses":       {"", "requirecreds2", basicValue("user:pass"), transfer.Forbidden, "was refused (403", 0},
		"bearer":                {"", "auth-bearer", "Bearer token", "", "", 0},
		"bearer, wrong":         {"", "auth-bearer", "Bearer x", transfer.Forbidden, "was refused (403", 0},
		"cookie":                {"", "require-cookie-x", basicValue("user:pass"), transfer.Forbidden, "403", 0},
		"expired, absolute":     {"", "expired-absolute", basicValue("user:pass"), transfer.Protocol, "has ended already", 8},
		"expired, relative":     {"", "expired-relative", basicValue("user:pass"), transfer.Protocol, "has ended already", 8},
		"expired, both":         {"", "expired-both", basicValue("user:pass"), transfer.Protocol, "has ended already", 8},
		"no batch API":          {"", "batchunsupported", basicValue("user:pass"), transfer.NotFound, "(404", 0},
		"a bad batch API":       {"", "badbatch", basicValue("user:pass"), transfer.Unauthorized, "was refused (203", 0}, // which is a page to sign in, elsewhere
		"too many requests":     {"", "batch-retry-later", basicValue("user:pass"), "", "", 1},
		"without saying when":   {"", "batch-retry-later-no-header", basicValue("user:pass"), "", "", 1},
		"redirect, relative":    {"/redirect307/rel", "moved", basicValue("user:pass"), "", "", 0},
		"redirect, absolute":    {"/redirect307/abs", "moved2", basicValue("user:pass"), "", "", 0},
		"headers nobody needs":  {"", "batch-storage-upload-encoding-chunked", basicValue("user:pass"), "", "", 0},
		"tus is not asked for":  {"", "batch-storage-upload-tus", basicValue("user:pass"), "", "", 0},
		"another transfer":      {"", "custom-transfer-x", basicValue("user:pass"), "", "", 0},
		"a branch is not told":  {"", "x-main-branch-required", basicValue("user:pass"), transfer.Forbidden, `Expected ref \"refs/heads/main\"`, 0},
		"no such repository":    {"", "nobody-put-anything-here", basicValue("user:pass"), transfer.NotFound, "does not exist", 0},
		"a redirect to nothing": {"/redirect307/none", "x", basicValue("user:pass"), transfer.NotFound, "404", 0},
	} {
		t.Run(name, func(t *testing.T) {
			bare := strings.TrimSuffix(tc.repository, ".git")
			objects := []lfs.Object{s.put(t, bare, "one"), s.put(t, bare, "two")}
			if tc.repository == "nobody-put-anything-here" {
				tc.repository = "empty"
			}
			c, clock := s.client(tc.path, tc.repository, tc.authorization)
			dir := t.TempDir()
			err := c.Fetch(t.Context(), dir, objects)
			require.Len(t, clock.slept, tc.slept, "%v", clock.slept)
			if tc.kind == "" {
				require.NoError(t, err)
				require.FileExists(t, filepath.Join(dir, objects[0].OID))
				require.FileExists(t, filepath.Join(dir, objects[1].OID))
				return
			}
			require.ErrorContains(t, err, tc.want)
			var e *transfer.Error
			require.True(t, errors.As(err, &e))
			require.Equal(t, tc.kind, e.Kind, "%v", err)
		})
	}
}

// git-lfs' server writes down who gets the marker.
func TestGitLFSOwnServerRedirectsGetNoCredential(t *testing.T) {
	t.Parallel()
	const marker, repository = "lfs-source-marker", "header-redirect-download-auth"
	s := startLFSTest(t)
	o := s.put(t, repository, "content")
	c, _ := s.client("", repository, marker)
	local := strings.Replace(s.url, "127.0.0.1", "localhost", 1)
	c.Authorization = func(u *url.URL) (string, string) {
		if "http://"+u.Host == local {
			return marker, "secret X"
		}
		return "", ""
	}
	// It redirects from localhost to 127.0.0.1 for this repository, if it is asked to.
	redirected := s.put(t, repository, "redirect-storage-upload")
	dir := t.TempDir()
	require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o, redirected}))
	require.FileExists(t, filepath.Join(dir, redirected.OID))
	dt, err := os.ReadFile(filepath.Join(s.dir, repository+".headers"))
	require.NoError(t, err)
	require.Contains(t, string(dt), "object-target \n")
	require.NotContains(t, string(dt), "Authorization", "its URLs have a query, as signed ones do, and it never asks who it is")
}

func TestGitLFSOwnServerRedirectsToHTTPS(t *testing.T) {
	t.Parallel()
	s := startLFSTest(t)
	o := s.put(t, "x", "content")
	authority, err := os.ReadFile(filepath.Join(s.dir, "CERT"))
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(authority))
	c, _ := s.client("", "x", "")
	c.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	c.Endpoint = func(context.Context) (transfer.Endpoint, error) {
		return transfer.Endpoint{URL: strings.Replace(s.ssl, "https://", "http://", 1) + "/redirect307/ssl/x.git/info/lfs"}, nil
	}
	c.Authorization = func(u *url.URL) (string, string) { return basicValue("user:pass"), "secret X" }
	err = c.Fetch(t.Context(), t.TempDir(), []lfs.Object{o})
	require.ErrorContains(t, err, "unauthorized (401 from "+s.ssl+"/x.git/info/lfs/objects/batch)", "the credential was for http")
}
