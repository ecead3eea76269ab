package store

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lambdabase/internal/mirror"

	"github.com/stretchr/testify/require"
)

// askLogin has the registry let in who has the password alone.
func (r *testRegistry) askLogin(status int) {
	r.setIntercept(func(w http.ResponseWriter, req *http.Request) bool {
		if _, password, _ := req.BasicAuth(); password == "s3cret" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		http.Error(w, "", status)
		return true
	})
}

func TestDockersCredentialsAreUsed(t *testing.T) {
	r := newRegistry(t)
	r.askLogin(http.StatusUnauthorized)
	host := strings.TrimPrefix(r.URL, "http://")
	src := newMemory()
	s := src.snapshot(t, "nodejs20.x", 1, "one")
	_, err := open(t, r.location("m")).Push(t.Context(), src, latest(s), &recorder{})
	require.ErrorContains(t, err, "registry "+host+" asks for a login: type docker login "+host+", as somebody who may use m; Docker's config.json and its helpers are read")

	login(t, host, "wrong")
	_, err = open(t, r.location("m")).Push(t.Context(), src, latest(s), &recorder{})
	require.ErrorContains(t, err, "registry "+host+" answers 401 unauthorized: type docker login "+host)
	require.NotContains(t, err.Error(), "wrong")

	login(t, host, "s3cret")
	mustPush(t, open(t, r.location("m")), src, latest(s)...)

	require.NoError(t, os.WriteFile(filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json"), []byte("{"), 0o600))
	_, err = Open(t.Context(), r.location("m"), Options{})
	require.ErrorContains(t, err, "Docker's credentials: ")
}

// login writes a password for a registry as docker login does.
func login(t *testing.T, host, password string) {
	t.Helper()
	auth := base64.StdEncoding.EncodeToString([]byte("user:" + password))
	file := filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"auths":{"`+host+`":{"auth":"`+auth+`"}}}`), 0o600))
}

func TestARefusedPushSaysWhatToDo(t *testing.T) {
	r := newRegistry(t)
	r.setIntercept(func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method != http.MethodPost {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		w.Write([]byte(`{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}`))
		return true
	})
	src := newMemory()
	_, err := open(t, r.location("m")).Push(t.Context(), src, latest(src.snapshot(t, "nodejs20.x", 1, "one")), &recorder{})
	require.ErrorContains(t, err, "answers 403 forbidden (denied: requested access to the resource is denied): type docker login ")
	require.Equal(t, 1, r.count("POST ", ""), "asking again doesn't help")
}

func TestARegistryThatIsNotThereIsSaid(t *testing.T) {
	r := newRegistry(t)
	l := r.location("m")
	r.Close()
	m, err := Open(t.Context(), l, Options{RetryDelay: time.Millisecond})
	require.NoError(t, err, "it isn't asked yet")
	_, err = m.Runtimes(t.Context())
	require.ErrorContains(t, err, "oci://"+l.Repository+": registry "+l.Host()+": dial tcp ")
	require.ErrorContains(t, err, "connection refused")
}

func TestTLSIsForEveryHostButThisMachine(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	m, err := Open(t.Context(), mirror.Location{Repository: "registry.invalid/m"}, Options{RetryDelay: time.Millisecond})
	require.NoError(t, err)
	require.False(t, m.backend.(*registry).repo.PlainHTTP)
	r := m.backend.(*registry)
	require.Contains(t, r.connectionHint(http.ErrSchemeMismatch), "plain http is for a registry on this machine alone")
}
