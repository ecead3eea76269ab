// Package hosttest serves a runtime of the sample for tests of its servers.
package hosttest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"lambdabase/internal/sample"

	"github.com/stretchr/testify/require"
)

// What waits for something looks again after a tick; the timeout ends only what is hopeless, also on a busy machine.
const (
	WaitTimeout = 2 * time.Minute
	Tick        = 5 * time.Millisecond
)

// Branch is the runtime that is served.
const Branch = "provided.al2023"

// Host is a server of one runtime, and one of its objects.
type Host struct {
	URL        string
	Repository *sample.Repository
	Commit     string
	Path       string
	OID        string
	Content    []byte
	Others     []string // oids
}

// Start serves the runtime with the server that newServer makes for its repository.
func Start[S http.Handler](t *testing.T, newServer func(*sample.Repository) S) (*Host, S) {
	t.Helper()
	b := Release(t, 0)
	r, err := sample.Create(t.TempDir(), []sample.Branch{b})
	require.NoError(t, err)
	h := &Host{Repository: r, Path: "x86_64/966fe476102910940292077dd2e7411e0e8a4beae2bfa76388a01a2c1f6a2651.tar.xz"}
	h.Commit, err = r.Commit(Branch)
	require.NoError(t, err)
	h.Content = b.LFS[h.Path]
	h.OID, _ = r.OIDAt(h.Commit, h.Path)
	for name := range b.LFS {
		if oid, _ := r.OIDAt(h.Commit, name); oid != h.OID {
			h.Others = append(h.Others, oid)
		}
	}
	server := newServer(r)
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	h.URL = listener.URL
	return h, server
}

// Release returns the runtime's branch as of a later snapshot.
func Release(t *testing.T, release int) sample.Branch {
	t.Helper()
	branches, err := sample.Upstream(sample.UpstreamOptions{Branches: []string{Branch}, Release: release})
	require.NoError(t, err)
	return branches[0]
}

// Get returns the answer to a GET and as much of its body as came. Headers are pairs of name and value.
func (h *Host) Get(t *testing.T, path string, header ...string) (*http.Response, []byte, error) {
	t.Helper()
	return h.do(t, http.MethodGet, path, "", header)
}

// Follow gets what a URL of the server gives, with what is to be sent along.
func (h *Host) Follow(t *testing.T, href string, header map[string]string) (*http.Response, []byte) {
	t.Helper()
	var pairs []string
	for name, value := range header {
		pairs = append(pairs, name, value)
	}
	response, body, err := h.Get(t, strings.TrimPrefix(href, h.URL), pairs...)
	require.NoError(t, err)
	return response, body
}

// Post returns the answer to a POST, whatever that is.
func (h *Host) Post(t *testing.T, path, body string, header ...string) (*http.Response, []byte) {
	t.Helper()
	response, answer, err := h.do(t, http.MethodPost, path, body, header)
	require.NoError(t, err)
	return response, answer
}

func (h *Host) do(t *testing.T, method, path, body string, header []string) (*http.Response, []byte, error) {
	t.Helper()
	request, err := http.NewRequest(method, h.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response, answer, err
}

// Git runs the real git with nobody's configuration.
func Git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	command := exec.Command("git", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "HOME="+dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_LFS_SKIP_SMUDGE=1")
	out, err := command.CombinedOutput()
	require.NoError(t, err, "git %s: %s", args, out)
	return strings.TrimSpace(string(out))
}

// DownloadBody is the request to a batch API for some objects.
func DownloadBody(oids ...string) string {
	var objects []string
	for _, oid := range oids {
		objects = append(objects, fmt.Sprintf(`{"oid":%q,"size":1}`, oid))
	}
	return `{"operation":"download","transfers":["basic"],"objects":[` + strings.Join(objects, ",") + `]}`
}
