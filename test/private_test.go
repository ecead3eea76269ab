package test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"lambdabase/frontend/subrequests/runtimes"
	"lambdabase/internal/sample"
	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/stretchr/testify/require"
)

// serveUnique serves a runtime with an object that no other test has: a cache would answer in a server's place.
func serveUnique(t testing.TB) *repoServer {
	t.Helper()
	return serve(t, []sample.Branch{newBranch("nodejs20.x", compress(t, packTar(t, append(taskDirs, file("alone", rand.Text()))...)))})
}

// secondServer is another server of the same repository: its URL, and the server.
func (h *repoServer) secondServer(t testing.TB) *repoServer {
	t.Helper()
	return &repoServer{faults.ServeAgain(t, h.Repository)}
}

// hostPort is host:port.
func (h *repoServer) hostPort() string { return strings.TrimPrefix(h.URL, "http://") }

// lfsOption is the option objects that names the server for the batch API.
func (h *repoServer) lfsOption() string { return "lfs+" + h.URL + githost.RepositoryPath + "/info/lfs" }

// authorizations are the values of Authorization that arrived in requests of a kind, one for each.
func (h *repoServer) authorizations(kind githost.Kind) (values []string) {
	for _, r := range h.Requests() {
		if r.Kind == kind {
			values = append(values, r.Header.Get("Authorization"))
		}
	}
	return values
}

// withSecrets is the request with secrets, pairs of name and value.
func withSecrets(req sandbox.Request, pairs ...string) sandbox.Request {
	secrets := map[string][]byte{}
	for i := 0; i < len(pairs); i += 2 {
		secrets[pairs[i]] = []byte(pairs[i+1])
	}
	req.Session = append([]session.Attachable{secretsprovider.FromMap(secrets)}, req.Session...)
	return req
}

// basicAuth is the header that a token is sent as.
func basicAuth(token string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+token))
}

// withStoreHost has the batch API name URLs of another host, as GitHub's does; what arrives there is in the same log.
func (h *repoServer) withStoreHost(t testing.TB) *repoServer {
	t.Helper()
	store := httptest.NewServer(h.Server)
	t.Cleanup(store.Close)
	h.setStore(strings.Replace(store.URL, "127.0.0.1", "localhost", 1))
	return h
}

// setStore has the batch API name URLs of the store.
func (h *repoServer) setStore(store string) {
	h.SetSecondHost(store)
	h.Inject(faults.Target{Kind: githost.Batch}, faults.Fault{Batch: faults.BatchFault{Base: faults.SecondHost}})
}

func TestAPrivateRepositoryIsBuiltWithASecret(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	image, _ := frontendImage(t, d)
	github, gitea := githost.Access{Accept: []string{basicAuth("t0ken")}}, githost.Access{Accept: []string{basicAuth("t0ken")}, Gitea: true}
	for name, tc := range map[string]struct {
		access  githost.Access
		secrets []string // {host} stands for host:port
	}{
		"token":                      {github, []string{"GIT_AUTH_TOKEN", "t0ken"}},
		"token of the host":          {github, []string{"GIT_AUTH_TOKEN", "other", "GIT_AUTH_TOKEN.{host}", "t0ken"}},
		"not that of another host":   {github, []string{"GIT_AUTH_TOKEN", "t0ken", "GIT_AUTH_TOKEN.git.example", "other"}},
		"header":                     {github, []string{"GIT_AUTH_HEADER", basicAuth("t0ken")}},
		"header of another scheme":   {githost.Access{Accept: []string{"Bearer t0ken"}}, []string{"GIT_AUTH_HEADER", "bearer t0ken", "GIT_AUTH_TOKEN", "other"}},
		"header of the host":         {githost.Access{Accept: []string{"token t0ken"}}, []string{"GIT_AUTH_HEADER", "other", "GIT_AUTH_HEADER.{host}", "token t0ken"}},
		"GitHub hides what is there": {githost.Access{Accept: []string{basicAuth("t0ken")}, Missing: 404, Wrong: 404}, []string{"GIT_AUTH_TOKEN", "t0ken"}},
		"Gitea":                      {gitea, []string{"GIT_AUTH_TOKEN", "t0ken"}},
		"Gitea, by a header":         {gitea, []string{"GIT_AUTH_HEADER.{host}", basicAuth("t0ken")}},
	} {
		t.Run(name, func(t *testing.T) {
			h := serveUnique(t)
			if !tc.access.Gitea {
				h.withStoreHost(t)
			}
			h.SetAccess(tc.access)
			secrets := strings.Split(strings.ReplaceAll(strings.Join(tc.secrets, "\n"), "{host}", h.hostPort()), "\n")
			var list runtimes.List
			require.NoError(t, json.Unmarshal([]byte(callSubrequest(t, d, withSecrets(h.request("", "requestid", "lambda.runtimes", "source", image), secrets...))), &list))
			require.Len(t, list, 1)
			_, err := d.Solve(t.Context(), t, withSecrets(h.byStep(image, "nodejs20.x"), secrets...))
			require.NoError(t, err)
			carried := ""
			if tc.access.Gitea {
				carried = basicAuth("t0ken")
			}
			require.Equal(t, []string{carried}, h.authorizations(githost.Object))
			for _, r := range h.Requests() {
				require.Equal(t, 200, r.Status, r.Path)
			}
		})
	}
}

func TestObjectsOfAnotherServerHaveASecretOfTheirOwn(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	image, _ := frontendImage(t, d)
	bearer := githost.Access{Accept: []string{"Bearer t0ken"}, PlainURLs: true}
	for name, tc := range map[string]struct {
		access  githost.Access // to the objects' server
		secrets []string
		objects string // {url} stands for the server's
	}{
		"token of git":                {githost.Access{Accept: []string{basicAuth("t0ken")}}, []string{"GIT_AUTH_TOKEN.{objects}", "t0ken"}, "lfs+{url}/aws/aws-lambda-base-images/info/lfs"},
		"token of http":               {bearer, []string{"HTTP_AUTH_TOKEN_{objects}", "t0ken"}, "lfs+{url}/aws/aws-lambda-base-images/info/lfs"},
		"token of http, without port": {bearer, []string{"HTTP_AUTH_TOKEN_127.0.0.1", "t0ken"}, "lfs+{url}/aws/aws-lambda-base-images/info/lfs/"},
		"header of http":              {bearer, []string{"HTTP_AUTH_HEADER_127.0.0.1", "Bearer t0ken"}, "lfs+{url}/aws/aws-lambda-base-images/info/lfs"},
		"template, token of http":     {bearer, []string{"HTTP_AUTH_TOKEN_127.0.0.1", "t0ken"}, "{url}/objects/{oid}"},
		"template, header of http":    {bearer, []string{"HTTP_AUTH_HEADER_127.0.0.1", "Bearer t0ken"}, "{url}/objects/{oid}"},
	} {
		t.Run(name, func(t *testing.T) {
			h := serveUnique(t)
			objects := h.secondServer(t).withStoreHost(t)
			h.SetAccess(githost.Access{Accept: []string{basicAuth("of git")}})
			objects.SetAccess(tc.access)
			secrets := []string{"GIT_AUTH_TOKEN." + h.hostPort(), "of git"}
			for _, s := range tc.secrets {
				secrets = append(secrets, strings.ReplaceAll(s, "{objects}", objects.hostPort()))
			}
			template := strings.ReplaceAll(tc.objects, "{url}", objects.URL)
			_, err := d.Solve(t.Context(), t, withSecrets(h.byStep(image, "nodejs20.x", "objects", template), secrets...))
			require.NoError(t, err)
			require.Zero(t, h.Total(githost.Batch)+h.Total(githost.Object))
			require.NotContains(t, objects.authorizations(githost.Batch), basicAuth("of git"))
			require.NotContains(t, objects.authorizations(githost.Object), basicAuth("of git"))
		})
	}
}

func TestASecretReachesNoOtherHost(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	image, _ := frontendImage(t, d)
	access := githost.Access{Accept: []string{basicAuth("t0ken")}}
	for name, objects := range map[string]func(h, other *repoServer) string{
		"another port": func(h, other *repoServer) string { return other.lfsOption() },
		"another name": func(h, other *repoServer) string {
			return strings.Replace(other.lfsOption(), "127.0.0.1", "localhost", 1)
		},
		"a template": func(h, other *repoServer) string { return other.URL + "/objects/{oid}" },
		"a store":    func(h, other *repoServer) string { h.setStore(other.URL); return "lfs" },
		"a redirect": func(h, other *repoServer) string {
			h.SetSecondHost(other.URL)
			h.Inject(faults.Target{Kind: githost.Batch}, faults.Fault{Redirect: faults.Redirect{To: faults.SecondHost, Status: 307}})
			return "lfs"
		},
		"headers as Gitea gives them": func(h, other *repoServer) string {
			h.SetAccess(githost.Access{Accept: access.Accept, Gitea: true})
			h.setStore(other.URL)
			return "lfs"
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := serveUnique(t)
			other := h.secondServer(t)
			h.SetAccess(access)
			req := h.byStep(image, "nodejs20.x", "objects", objects(h, other))
			_, err := d.Solve(t.Context(), t, withSecrets(req, "GIT_AUTH_TOKEN", "t0ken", "GIT_AUTH_HEADER."+h.hostPort(), basicAuth("t0ken")))
			require.NoError(t, err)
			require.NotEmpty(t, other.Requests())
			for _, r := range other.Requests() {
				require.Empty(t, r.Header.Get("Authorization"), r.Path)
			}
		})
	}
}

func TestAFunctionAndACheckoutTakeTheSameSecrets(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	image, _ := frontendImage(t, d)
	for name, of := range map[string]func(h *repoServer) sandbox.Request{
		"function": func(h *repoServer) sandbox.Request {
			return h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nCOPY Dockerfile /\n"})
		},
		"checkout": func(h *repoServer) sandbox.Request { return h.checkoutRequest(t, "nodejs20.x", "") },
		"URL of git as the context": func(h *repoServer) sandbox.Request {
			repository, _ := h.URLs(h.URL)
			return sandbox.Request{Attrs: map[string]string{"context": repository + "#nodejs20.x", "filename": "Dockerfile.nodejs20.x"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := serveUnique(t).withStoreHost(t)
			h.SetAccess(githost.Access{Accept: []string{basicAuth("t0ken")}})
			req := of(h)
			req.Func, req.Frontend = nil, "gateway.v0"
			req.Attrs["source"], req.Attrs["objects"] = image, "lfs"
			if name != "URL of git as the context" { // whose error is BuildKit's own
				_, err := d.Solve(t.Context(), t, req)
				require.ErrorContains(t, err, "pass a token as the secret GIT_AUTH_TOKEN")
			}
			_, err := d.Solve(t.Context(), t, withSecrets(req, "GIT_AUTH_TOKEN", "t0ken"))
			require.NoError(t, err)
			require.Equal(t, 1, h.Total(githost.Object))
		})
	}
}

// BuildKit v0.33.1 takes a commit's tree from whichever remote it had it, and asks for its date without the secrets then.
func TestAPrivateRepositoryIsBuiltAfterItsMirror(t *testing.T) {
	t.Parallel()
	h := serveUnique(t)
	h.SetAccess(githost.Access{Accept: []string{basicAuth("t0ken")}})
	mirror := h.secondServer(t)
	for name, options := range map[string][]string{"branch": nil, "commit": {"commit", must(h.Commit("nodejs20.x"))}} {
		t.Run(name, func(t *testing.T) {
			d := sandbox.Start(t)
			want := oneImage(t, d, mirror.request("nodejs20.x"))
			for range 2 {
				got := oneImage(t, d, withSecrets(h.request("nodejs20.x", options...), "GIT_AUTH_TOKEN", "t0ken"))
				require.Equal(t, want.Digest, got.Digest)
			}
		})
	}
}

func TestACredentialThatIsMissingOrRefusedIsNamed(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	image, _ := frontendImage(t, d)
	for _, status := range []int{401, 403, 404} { // GitHub says 404 of what is not to be seen
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			h := serveUnique(t)
			objects, commit := h.secondServer(t), must(h.Commit("nodejs20.x"))
			private := githost.Access{Accept: []string{basicAuth("t0ken")}, PlainURLs: true, Missing: status, Wrong: status}
			fails := func(req sandbox.Request, want string, secrets ...string) {
				t.Helper()
				_, err := d.Solve(t.Context(), t, withSecrets(req, secrets...))
				require.ErrorContains(t, err, want)
				require.NotContains(t, err.Error(), "wr0ng")
			}

			objects.SetAccess(private)
			byBatch, byURL := h.byStep(image, "nodejs20.x", "objects", objects.lfsOption()), h.byStep(image, "nodejs20.x", "objects", objects.URL+"/objects/{oid}")
			token := "GIT_AUTH_TOKEN." + objects.hostPort()
			fails(byBatch, "pass a token as the secret "+token)
			refused := "the credential (secret " + token + ") was refused"
			if status == 404 {
				refused = "(404 from "
			}
			fails(byBatch, refused, token, "wr0ng")
			fails(byURL, "secret HTTP_AUTH_TOKEN_127.0.0.1")
			fails(byURL, "secret HTTP_AUTH_TOKEN_127.0.0.1", "HTTP_AUTH_TOKEN_127.0.0.1", "wr0ng")

			h.SetAccess(private)
			token = "GIT_AUTH_TOKEN." + h.hostPort()
			advice := "is private (pass a token as the secret GIT_AUTH_TOKEN or " + token
			fails(byBatch, advice)
			fails(byBatch, "; if one was passed, it was refused, perhaps for a line break", token, "wr0ng")
			d.Prune(t)
			fails(h.byStep(image, "nodejs20.x", "commit", commit), advice)
			list := h.request("", "requestid", "lambda.runtimes", "source", image)
			fails(list, ": pass a token as the secret "+token)
			fails(list, "the credential (secret GIT_AUTH_TOKEN) was refused", "GIT_AUTH_TOKEN", "wr0ng")
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
