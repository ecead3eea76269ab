package test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"
)

// leakEnv is a private repository, a daemon that says all it has to say, and what must not be found anywhere.
type leakEnv struct {
	*sandbox.Daemon
	*sshRepoServer
	canaries
	image, scanner string
}

func newLeakEnv(t *testing.T) *leakEnv {
	t.Helper()
	n := &leakEnv{Daemon: sandbox.Start(t, sandbox.WithArgs("--debug")), sshRepoServer: serveUpstream(t, "provided.al2023").withStoreHost(t).serveSSH(t)}
	n.image, _ = frontendImage(t, n.Daemon)
	n.scanner = sbomScanner(t, n.Daemon)
	key, err := os.ReadFile(n.key)
	require.NoError(t, err)
	n.canaries = newCanaries(strings.Split(string(key), "\n")[3])
	n.SetAccess(canaryAccess)
	return n
}

// canaryAccess takes each of the user's credentials, in the place of any other.
var canaryAccess = githost.Access{Accept: []string{basicAuth(canaryToken), "Bearer " + canaryHeader, "Bearer " + canaryHTTP}, PlainURLs: true}

// A Gitea hands the user's own credential out with the URLs of objects; behind a template, a forge leads to signed ones.
func (n *leakEnv) gitea(t testing.TB) *repoServer {
	h := n.secondServer(t)
	h.SetAccess(githost.Access{Accept: canaryAccess.Accept, Gitea: true})
	return h
}

func (n *leakEnv) forge(t testing.TB) *repoServer {
	h := n.secondServer(t)
	h.SetAccess(canaryAccess)
	h.Inject(faults.Target{Kind: githost.Object}, faults.Fault{Redirect: faults.Redirect{Signed: true, To: strings.Replace(h.URL, "127.0.0.1", "localhost", 1)}})
	return h
}

func TestNoCredentialIsFoundAnywhere(t *testing.T) {
	t.Parallel()
	n := newLeakEnv(t)
	const runtime = "provided.al2023"
	function := n.functionRequest(t, map[string]string{"Dockerfile": "FROM " + runtime + "\nCOPY Dockerfile /\n"}, "source", n.image, "objects", "lfs")
	for name, req := range map[string]sandbox.Request{
		"by the batch API":           withSecrets(n.byImage(n.image, runtime), "GIT_AUTH_TOKEN", canaryToken),
		"by the batch API, inside":   withSecrets(n.byStep(n.image, runtime), "GIT_AUTH_TOKEN", canaryToken),
		"function":                   withSecrets(function, "GIT_AUTH_HEADER", "Bearer "+canaryHeader),
		"Gitea":                      withSecrets(n.gitea(t).byImage(n.image, runtime), "GIT_AUTH_TOKEN", canaryToken),
		"template":                   withSecrets(n.request(runtime), "GIT_AUTH_TOKEN", canaryToken, "HTTP_AUTH_TOKEN_127.0.0.1", canaryHTTP),
		"template, then signed URLs": withSecrets(n.forge(t).request(runtime), "GIT_AUTH_TOKEN", canaryToken, "HTTP_AUTH_TOKEN_127.0.0.1", canaryHTTP),
		"SSH":                        withSSHKey(t, n.byImage(n.image, runtime, n.remoteOptions()...), n.key),
	} {
		t.Run(name, func(t *testing.T) {
			n.Prune(t)
			for _, mode := range []string{"max", "min"} {
				n.assertNoneInBuild(t, req, mode)
			}
		})
	}
	t.Run("calls", n.assertNoneInCalls)
	t.Run("buildctl", n.assertNoneInOutput)
	t.Run("failures", n.assertNoneInFailures)

	n.assertNoneIn(t, "the log of buildkitd", []byte(n.Log()))
	n.assertNoneBelow(t, "the state of buildkitd", filepath.Dir(n.Root), n.addr, n.hostPort(), "lambda-frontend")
}

// assertNoneInBuild looks into all that a build gives.
func (n *leakEnv) assertNoneInBuild(t *testing.T, req sandbox.Request, mode string) {
	t.Helper()
	image, cache := t.TempDir(), t.TempDir()
	req, llb := recordLLB(req)
	req.Attrs["attest:provenance"], req.Attrs["attest:sbom"] = "mode="+mode, "generator="+n.scanner
	req.CacheExports = []client.CacheOptionsEntry{{Type: "local", Attrs: map[string]string{"dest": cache, "mode": "max"}}}
	result, err := n.Solve(t.Context(), t, req, client.ExportEntry{Type: client.ExporterOCI, Attrs: map[string]string{"tar": "false"}, OutputDir: image})
	require.NoError(t, err)
	require.Equal(t, req.Func != nil, len(llb.llb) > 0)
	n.assertNoneIn(t, "LLB", llb.llb)
	n.assertNoneIn(t, "progress", []byte(result.Progress))
	for key, value := range result.Response {
		n.assertNoneIn(t, "response "+key, []byte(value))
	}
	// Layers, config, provenance and SBOM are all files of it.
	n.assertNoneBelow(t, "image", image, "https://slsa.dev/provenance/", "https://spdx.dev/Document", `"history":`, `"diff_ids":`)
	n.assertNoneBelow(t, "exported cache", cache, "application/vnd.buildkit.cacheconfig.v0")
}

// assertNoneInCalls looks into answers.
func (n *leakEnv) assertNoneInCalls(t *testing.T) {
	for _, call := range []string{"lambda.runtimes", "lambda.plan", "frontend.convertllb"} {
		req := n.byStep(n.image, "provided.al2023", "requestid", call)
		if call == "frontend.convertllb" {
			req = n.functionRequest(t, map[string]string{"Dockerfile": "FROM provided.al2023\n"}, "requestid", call, "source", n.image, "objects", "lfs")
		}
		response := callSubrequest(t, n.Daemon, withSecrets(req, "GIT_AUTH_HEADER", "Bearer "+canaryHeader))
		n.assertNoneIn(t, call, []byte(response))
		require.Contains(t, response, "provided.al2023")
	}
}

// assertNoneInOutput looks at what a user sees of a build that succeeds and of one that doesn't.
func (n *leakEnv) assertNoneInOutput(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte(canaryToken), 0o600))
	h := serveUnique(t).withStoreHost(t)
	h.SetAccess(canaryAccess)
	for _, progress := range []string{"plain", "rawjson"} {
		for i, want := range []string{"Request has expired", "fetch "} {
			if h.ClearFaults(); i == 0 {
				h.Inject(faults.Target{Kind: githost.Batch}, faults.Fault{Batch: faults.BatchFault{Lifetime: -time.Second, ExpiresIn: 3600}})
			} else {
				h.withStoreHost(t)
			}
			args := []string{"build", "--frontend=gateway.v0", "--progress=" + progress, "--secret=id=GIT_AUTH_TOKEN,src=" + token, "--no-cache"}
			out, err := n.Buildctl(t, append(args, flags(h.byImage(n.image, "nodejs20.x").Attrs, "--opt=", plainName)...)...)
			require.Equal(t, i == 0, err != nil, out)
			require.Contains(t, out, want)
			n.assertNoneIn(t, progress, []byte(out))
		}
	}
}

// leakFailure is something that goes wrong with a credential at hand.
type leakFailure struct {
	kind     githost.Kind
	fault    faults.Fault
	ssh      faults.SSHFault
	template bool
	want     string
}

const deadHost = "http://127.0.0.1:1"

var (
	// echo is a server that repeats what it was sent.
	echo   = "I was told " + basicAuth(canaryToken) + ", that is x-access-token:" + canaryToken + ", on the way to " + signed
	signed = deadHost + "/x?X-Amz-Credential=me&X-Amz-Signature=" + githost.Signature + "0123"
)

// leakFailures are told by a step of ours, or by BuildKit where that has words of its own. What git and BuildKit's HTTP source
// repeat of a server's words, or of a URL that they were led to, is not ours to change: it is left out.
var leakFailures = map[string]leakFailure{
	"refused":                          {kind: githost.Batch, fault: faults.Message(401, echo), want: "the credential (secret GIT_AUTH_TOKEN) was refused"},
	"forbidden":                        {kind: githost.Batch, fault: faults.Message(403, echo), want: "the credential (secret GIT_AUTH_TOKEN) was refused"},
	"server error":                     {kind: githost.Batch, fault: faults.Fault{Status: 500, Body: echo}, want: "server error (500"},
	"come again":                       {kind: githost.Batch, fault: faults.RetryAfter(503, "3600"), want: "the server asks to wait 1h0m0s"},
	"a page":                           {kind: githost.Batch, fault: faults.Fault{Status: 200, Body: "<html>" + echo}, want: "an HTML page"},
	"an error for the object":          {kind: githost.Batch, fault: faults.Fault{Batch: faults.BatchFault{Error: &githost.BatchError{Code: 410, Message: echo}}}, want: "not found (410"},
	"expired":                          {kind: githost.Batch, fault: faults.Fault{Batch: faults.BatchFault{Base: faults.SecondHost, Lifetime: -time.Second, ExpiresIn: 3600}}, want: "Request has expired"},
	"user information":                 {kind: githost.Batch, fault: faults.Fault{Batch: faults.BatchFault{User: "name:" + canaryUser}}, want: "has user information in it"},
	"no answer, a token":               {kind: githost.Batch, fault: faults.Fault{Batch: faults.BatchFault{Token: true, Base: deadHost}}, want: "connection refused"},
	"another scheme":                   {kind: githost.Batch, fault: faults.Fault{Batch: faults.BatchFault{Base: "ftp:"}}, want: "no absolute http or https URL"},
	"redirect to a signed URL":         {kind: githost.Batch, fault: faults.Fault{Status: 307, Header: http.Header{"Location": {signed}}}, want: "connection refused"},
	"redirect to nonsense":             {kind: githost.Batch, fault: faults.Fault{Status: 307, Header: http.Header{"Location": {"http://a:" + canaryUser + "@[::x/?sig=" + githost.Signature}}}, want: "redirect to a malformed URL"},
	"object: forbidden":                {kind: githost.Object, fault: faults.Fault{Status: 403, Body: echo}, want: "forbidden (403"},
	"object: server error":             {kind: githost.Object, fault: faults.Fault{Status: 500, Body: echo}, want: "server error (500"},
	"object: corrupt":                  {kind: githost.Object, fault: faults.Fault{Corrupt: true}, want: "the server sent something else"},
	"object: cut":                      {kind: githost.Object, fault: faults.Fault{Cut: -1}, want: "cut"},
	"object: too long":                 {kind: githost.Object, fault: faults.Fault{Oversize: 100}, want: "the object has"},
	"object: redirect to a signed URL": {kind: githost.Object, fault: faults.Fault{Redirect: faults.Redirect{Signed: true, To: deadHost}}, want: "connection refused"},
	"template: forbidden":              {template: true, kind: githost.Object, fault: faults.Fault{Status: 403}, want: "status 403, forbidden"},
	"template: corrupt":                {template: true, kind: githost.Object, fault: faults.Fault{Corrupt: true}, want: "it sent something else"},
	"git: forbidden":                   {kind: githost.Git, fault: faults.Fault{Status: 403}, want: "if one was passed, it was refused"},
	"git: redirect to a signed URL":    {kind: githost.Git, fault: faults.Fault{Status: 302, Header: http.Header{"Location": {signed}}}, want: "unable to access"},
	"ssh: garbage":                     {ssh: faults.SSHFault{Command: githost.LFSAuthenticate, Stdout: "Welcome! RemoteAuth " + githost.Token + "0123"}, want: "the JSON that is expected"},
	"ssh: refused":                     {ssh: faults.SSHFault{Command: githost.LFSAuthenticate, Stderr: "no: RemoteAuth " + githost.Token + "0123", Status: 1}, want: "the server refuses: no"},
	"ssh: expired":                     {ssh: faults.SSHFault{Command: githost.LFSAuthenticate, Lifetime: -time.Second, ExpiresIn: 3600}, want: "(given by git-lfs-authenticate) was refused"},
}

// assertNoneInFailures looks at errors and progress. All run at once: some are tried for a quarter of a minute.
func (n *leakEnv) assertNoneInFailures(t *testing.T) {
	type outcome struct {
		name, progress string
		err            error
	}
	outcomes := make(chan outcome)
	var wg sync.WaitGroup
	for name, f := range leakFailures {
		req := n.failingRequest(t, f)
		wg.Go(func() {
			result, err := n.Solve(t.Context(), t, req)
			outcomes <- outcome{name, result.Progress, err}
		})
	}
	go func() { wg.Wait(); close(outcomes) }()
	for o := range outcomes {
		t.Run(o.name, func(t *testing.T) {
			require.ErrorContains(t, o.err, leakFailures[o.name].want)
			n.assertNoneInError(t, o.err)
			n.assertNoneIn(t, "progress", []byte(o.progress))
		})
	}
}

func (n *leakEnv) failingRequest(t testing.TB, f leakFailure) sandbox.Request {
	t.Helper()
	h := serveUnique(t).withStoreHost(t)
	h.SetAccess(canaryAccess)
	h.Inject(faults.Target{Kind: f.kind}, f.fault)
	secrets := []string{"GIT_AUTH_TOKEN", canaryToken}
	switch {
	case f.want == "":
		t.Fatal("no failure")
	case f.template:
		return withSecrets(h.request("nodejs20.x"), append(secrets, "HTTP_AUTH_TOKEN_127.0.0.1", canaryHTTP)...)
	case f.kind == "":
		s := h.serveSSH(t)
		s.ssh.Inject(f.ssh)
		return withSSHKey(t, s.byStep(n.image, "nodejs20.x", s.remoteOptions()...), s.key)
	}
	return withSecrets(h.byStep(n.image, "nodejs20.x"), secrets...)
}
