package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lambdabase/internal/lfs"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// oid is that of an object which no host has.
const oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"

// fakeHost is an LFS server that answers as a test says; by default, as it should.
type fakeHost struct {
	*httptest.Server
	batchFields  map[string]any // fields of the batch answer that are not the usual ones
	edit         func(oid string, object map[string]any)
	batch        func(n int, w http.ResponseWriter, r *http.Request) bool // the nth batch, from 1; true: it has answered
	object       func(n int, w http.ResponseWriter, r *http.Request) bool
	otherHandler http.HandlerFunc

	mu      sync.Mutex
	content map[string][]byte
	log     []loggedRequest
}

// loggedRequest is a request that reached the host.
type loggedRequest struct {
	method, path, query string
	header              http.Header
	oids                []string
	body                string
}

func newHost(t *testing.T) *fakeHost {
	h := &fakeHost{content: map[string][]byte{}}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

func newTLSHost(t *testing.T) *fakeHost {
	h := &fakeHost{content: map[string][]byte{}}
	h.Server = httptest.NewUnstartedServer(h)
	h.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that refuses the certificate is what tests want
	h.StartTLS()
	t.Cleanup(h.Close)
	return h
}

// put makes the host have an object.
func (h *fakeHost) put(content string) lfs.Object {
	sum := sha256.Sum256([]byte(content))
	oid := hex.EncodeToString(sum[:])
	h.content[oid] = []byte(content)
	return lfs.Object{Pointer: lfs.Pointer{OID: oid, Size: int64(len(content))}, Path: "x86_64/" + oid[:6] + ".tar.xz"}
}

func (h *fakeHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := loggedRequest{method: r.Method, path: r.URL.Path, query: r.URL.RawQuery, header: r.Header.Clone()}
	isBatch := strings.HasSuffix(r.URL.Path, "/info/lfs/objects/batch")
	var request batchRequest
	if isBatch && r.Method == http.MethodPost {
		body, _ := io.ReadAll(r.Body)
		json.Unmarshal(body, &request)
		s.body = string(body)
		for _, o := range request.Objects {
			s.oids = append(s.oids, o.OID)
		}
	}
	h.mu.Lock()
	h.log = append(h.log, s)
	h.mu.Unlock()
	oid, isObject := strings.CutPrefix(r.URL.Path, "/store/")
	switch {
	case isBatch:
		if h.batch == nil || !h.batch(len(h.batches()), w, r) {
			h.writeBatch(w, request)
		}
	case isObject:
		if h.object == nil || !h.object(len(h.downloads()), w, r) {
			h.serveObject(w, r, oid)
		}
	case h.otherHandler != nil:
		h.otherHandler(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (h *fakeHost) writeBatch(w http.ResponseWriter, request batchRequest) {
	objects := []any{}
	for _, o := range request.Objects {
		object := map[string]any{"oid": o.OID, "size": o.Size, "actions": map[string]any{"download": h.downloadAction(o.OID)}}
		if _, ok := h.content[o.OID]; !ok {
			delete(object, "actions")
			object["error"] = map[string]any{"code": 404, "message": "Object does not exist"}
		}
		if h.edit != nil {
			h.edit(o.OID, object)
		}
		objects = append(objects, object)
	}
	answer := map[string]any{"transfer": "basic", "hash_algo": "sha256", "objects": objects}
	maps.Copy(answer, h.batchFields)
	w.Header().Set("Content-Type", mediaType)
	json.NewEncoder(w).Encode(answer)
}

func (h *fakeHost) downloadAction(oid string) map[string]any {
	return map[string]any{"href": h.URL + "/store/" + oid + "?X-Amz-Signature=" + canarySignature, "expires_in": 3600}
}

func (h *fakeHost) serveObject(w http.ResponseWriter, r *http.Request, oid string) {
	dt, ok := h.content[oid]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("ETag", `"`+oid[:8]+`"`)
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(dt)))
}

func (h *fakeHost) requests(suffix string, prefix string) []loggedRequest {
	h.mu.Lock()
	defer h.mu.Unlock()
	var found []loggedRequest
	for _, s := range h.log {
		if strings.HasSuffix(s.path, suffix) && strings.HasPrefix(s.path, prefix) {
			found = append(found, s)
		}
	}
	return found
}

func (h *fakeHost) batches() []loggedRequest   { return h.requests("/objects/batch", "") }
func (h *fakeHost) downloads() []loggedRequest { return h.requests("", "/store/") }
func (h *fakeHost) all() []loggedRequest       { return h.requests("", "") }

// requestedRanges are those of the downloads, in order; empty where all was asked for.
func (h *fakeHost) requestedRanges() (ranges []string) {
	for _, d := range h.downloads() {
		ranges = append(ranges, d.header.Get("Range"))
	}
	return ranges
}

const (
	canarySecret    = "CANARY-SECRET"
	canarySignature = "CANARY-SIG"
)

// client asks a host without a credential, and waits for nothing.
func (h *fakeHost) client() (*Client, *fakeClock) {
	clock := &fakeClock{now: time.Date(2024, 10, 1, 12, 0, 0, 0, time.UTC)}
	return &Client{
		Endpoint: func(context.Context) (Endpoint, error) {
			return Endpoint{URL: h.URL + "/o/r.git/info/lfs"}, nil
		},
		Transport: h.Client().Transport,
		Clock:     clock,
		Limits:    Limits{IdleTimeout: 10 * time.Second},
	}, clock
}

// withToken has the client authorize for one host only, as the user would have it.
func withToken(c *Client, h *fakeHost) *Client {
	c.Authorization = func(u *url.URL) (string, string) {
		if "http://"+u.Host == h.URL || "https://"+u.Host == h.URL {
			return "Bearer " + canarySecret, "secret GIT_AUTH_TOKEN"
		}
		return "", ""
	}
	c.Hint = func(u *url.URL) string { return "pass a token as the secret GIT_AUTH_TOKEN." + u.Hostname() }
	return c
}

type fakeClock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	return context.Cause(ctx)
}

// requireObjects is what a folder holds: these objects as they should be, and nothing else.
func requireObjects(t *testing.T, dir string, objects ...lfs.Object) {
	t.Helper()
	want := []string{}
	for _, o := range objects {
		want = append(want, o.OID)
		dt, err := os.ReadFile(filepath.Join(dir, o.OID))
		require.NoError(t, err)
		sum := sha256.Sum256(dt)
		require.Equal(t, o.OID, hex.EncodeToString(sum[:]))
		info, err := os.Stat(filepath.Join(dir, o.OID))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode())
	}
	require.ElementsMatch(t, want, files(t, dir))
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// failures are the errors of a call, each of which is one of this package's.
func failures(t *testing.T, err error) []*Error {
	t.Helper()
	var all *ObjectsError
	require.ErrorAs(t, err, &all)
	found := []*Error{}
	for _, err := range all.Errors {
		var e *Error
		require.True(t, errors.As(err, &e))
		found = append(found, e)
	}
	return found
}

// onlyFailure is the error of a call that has one.
func onlyFailure(t *testing.T, err error) *Error {
	t.Helper()
	all := failures(t, err)
	require.Len(t, all, 1, "%v", err)
	return all[0]
}

func text(n int) string {
	return strings.Repeat(fmt.Sprintf("%x", sha256.Sum256([]byte{byte(n)})), n/64+1)[:n]
}
