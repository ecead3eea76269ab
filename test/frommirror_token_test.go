package test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// requireTokens has a registry let in who has a token of its token server, as Docker Hub does. A token is for one scope and good for
// some requests only, as one that ends soon.
func (s *countedRegistry) requireTokens(user, password string, good int32) {
	var issued sync.Map // requests left, by token
	s.inject(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" {
			u, p, _ := r.BasicAuth()
			if r.Method == http.MethodPost { // as OAuth has it
				u, p = r.PostFormValue("username"), r.PostFormValue("password")
			}
			if u != user || p != password {
				w.WriteHeader(http.StatusUnauthorized)
				return true
			}
			token, left := rand.Text(), &atomic.Int32{}
			left.Store(good)
			issued.Store(token, left)
			json.NewEncoder(w).Encode(map[string]any{"token": token, "access_token": token, "expires_in": 60})
			return true
		}
		left, ok := issued.Load(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		if ok && left.(*atomic.Int32).Add(-1) >= 0 {
			return false
		}
		repository, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), "/manifests/")
		repository, _, _ = strings.Cut(repository, "/blobs/")
		actions := "pull"
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			actions = "pull,push"
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="registry",scope="repository:%s:%s"`, s.host, repository, actions))
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
}

func TestAMirrorBehindATokenServer(t *testing.T) {
	t.Parallel()
	h := serveUpstream(t, "nodejs20.x")
	r := serveCountedRegistry(t)
	// Of some 65 requests that fill the mirror, a second token is good for all that are left: a client sends each once more, and the
	// others mustn't have used that token up by then.
	r.requireTokens("joe", "pa55", 40)
	auth := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, r.host, base64.StdEncoding.EncodeToString([]byte("joe:pa55")))
	filler := newCLI(t)
	require.Contains(t, filler.mustFail(t, 1, mirrorArgs(h, r.location(), "nodejs20.x")...), "registry "+r.host+" ")
	filler.setDockerConfig(t, auth)
	filler.mustRun(t, mirrorArgs(h, r.location(), "nodejs20.x")...)
	filler.mustRun(t, append(buildArgs(h, "nodejs20.x"), "-o", "image.tar")...)
	want := must(sandbox.ReadOCI(filler.file("image.tar")))[0]
	h.Close()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		args := append([]string{"build", "nodejs20.x", "--repository=" + r.location(), "-o", "image.tar"}, where...)
		require.Contains(t, c.mustFail(t, 1, args...), "docker login "+r.host)
		c.setDockerConfig(t, auth)
		c.mustRun(t, args...)
		requireDigest(t, c.file("image.tar"), want)
	})
}
