package branches

import (
	"crypto/ed25519"
	cryptorand "crypto/rand"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/readme"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"
)

// repoServer is a sample repository and its server.
type repoServer struct{ *faults.Host }

func serve(t *testing.T, branches ...sample.Branch) *repoServer {
	t.Helper()
	return &repoServer{faults.Serve(t, branches...)}
}

func (h *repoServer) git(t *testing.T, args ...string) { h.gitOutput(t, args...) }

func (h *repoServer) gitOutput(t *testing.T, args ...string) string {
	t.Helper()
	args = append([]string{"-c", "safe.directory=*", "-C", filepath.Join(h.Dir, "repo.git")}, args...)
	out, err := exec.Command("git", args...).CombinedOutput()
	require.NoError(t, err, string(out))
	return strings.TrimSpace(string(out))
}

func someRuntimes(t *testing.T) []sample.Branch {
	t.Helper()
	made, err := sample.Upstream(sample.UpstreamOptions{Scale: 0.001, Branches: []string{"nodejs20.x", "nodejs18.x", "go1.x"}})
	require.NoError(t, err)
	return made
}

// sent is how many bytes the server has sent.
func (h *repoServer) sent() (total int64) {
	for _, r := range h.Requests() {
		total += r.Bytes
	}
	return total
}

func TestATarballInPlainGitFillsNoMemory(t *testing.T) {
	const size = 12 << 20
	tarball := make([]byte, size) // which doesn't pack
	_, err := rand.NewChaCha8([32]byte{}).Read(tarball)
	require.NoError(t, err)
	made := someRuntimes(t)
	made[0].Files["x86_64/plain.tar.xz"], made[2].Files["large"] = tarball, tarball[1:]
	h := serve(t, made...)
	for filter, most := range map[string]int64{"true": 1 << 20, "false": 3 * size} {
		h.git(t, "config", "uploadpack.allowFilter", filter)
		h.Reset()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		list, err := List(t.Context(), Remote{URL: h.RepositoryURL()})
		runtime.ReadMemStats(&after)
		require.NoError(t, err)
		require.Len(t, list, 3)
		for _, r := range list {
			require.NotZero(t, r.Size)
		}
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(size), "all that was ever in memory, filter %s", filter)
		require.Less(t, h.sent(), most, "filter %s", filter)
	}
}

func TestRefsWithoutEndAreLeft(t *testing.T) {
	var sent atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		io.WriteString(w, "001e# service=git-upload-pack\n0000")
		line := func(ref string) string {
			text := strings.Repeat("a", 40) + " refs/heads/" + ref + "\n"
			return fmt.Sprintf("%04x%s", len(text)+4, text)
		}
		io.WriteString(w, line("first\x00agent=git/2"))
		for i := 0; ; i++ {
			n, err := io.WriteString(w, line(fmt.Sprintf("%d/%s", i, strings.Repeat("x", 1000))))
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	_, err := List(t.Context(), Remote{URL: server.URL + "/r.git"})
	require.EqualError(t, err, "it names more than 32 MB of branches and tags: this is no repository of snapshots")
	require.Less(t, sent.Load(), int64(2*maxRefs))
}

func TestARepositoryOfSHA256IsTold(t *testing.T) {
	h := serve(t, someRuntimes(t)...)
	dir := filepath.Join(h.Dir, "repo.git")
	require.NoError(t, os.Rename(dir, dir+"-old"))
	out, err := exec.Command("git", "init", "--bare", "-q", "--object-format=sha256", dir).CombinedOutput()
	require.NoError(t, err, string(out))
	h.git(t, "config", "http.uploadpack", "true")
	tree := h.gitOutput(t, "hash-object", "-w", "-t", "tree", os.DevNull)
	commit := h.gitOutput(t, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit-tree", "-m", "x", tree)
	h.git(t, "update-ref", "refs/heads/nodejs20.x", commit)
	_, err = List(t.Context(), Remote{URL: h.RepositoryURL()})
	require.EqualError(t, err, "its ids are of SHA-256, which can be built from but not listed: name the runtime (lambdabase build RUNTIME)")
}

func TestAListIsTheSameHoweverGitPacks(t *testing.T) {
	h := serve(t, someRuntimes(t)...)
	want, err := List(t.Context(), Remote{URL: h.RepositoryURL()})
	require.NoError(t, err)
	h.git(t, "repack", "-a", "-d", "-f", "--depth=50")
	for _, offsets := range []string{"true", "false"} {
		h.git(t, "config", "repack.useDeltaBaseOffset", offsets)
		got, err := List(t.Context(), Remote{URL: h.RepositoryURL()})
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestAServerThatSaysNothingIsLeft(t *testing.T) {
	const idle = 300 * time.Millisecond
	h := serve(t, someRuntimes(t)...)
	for name, tc := range map[string]struct {
		answers int // before it
		fault   faults.Fault
	}{
		"at once":                     {0, faults.Silence()},
		"within the branches":         {0, faults.Fault{Stall: 100}},
		"after the branches":          {1, faults.Silence()},
		"within the pack":             {1, faults.Fault{Stall: 300}},
		"before the head of the pack": {1, faults.Fault{Stall: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			h.ClearFaults()
			h.Inject(faults.Target{Kind: githost.Git}, tc.fault)
			if tc.answers > 0 {
				h.Inject(faults.Target{Kind: githost.Git}, faults.Fault{Times: tc.answers})
			}
			_, err := List(t.Context(), Remote{URL: h.RepositoryURL(), IdleTimeout: idle})
			require.EqualError(t, err, "not done in 300ms: no answer in time")
		})
	}
	h.ClearFaults()
	h.Inject(faults.Target{Kind: githost.Git}, faults.Fault{Trickle: faults.Trickle{Bytes: 1000, Every: 10 * time.Millisecond}})
	_, err := List(t.Context(), Remote{URL: h.RepositoryURL(), IdleTimeout: 10 * time.Second})
	require.NoError(t, err, "slow isn't silent")
}

// serveSSH serves the repository over SSH, to a key that an agent has.
func (h *repoServer) serveSSH(t *testing.T) (Remote, *faults.SSHServer) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(cryptorand.Reader)
	require.NoError(t, err)
	signer, err := ssh.NewSignerFromKey(private)
	require.NoError(t, err)
	secure, err := faults.NewSSH(h.Repository, githost.SSHOptions{Authorized: []ssh.PublicKey{signer.PublicKey()}})
	require.NoError(t, err)
	listener := listen(t, "tcp", "127.0.0.1:0")
	go secure.Serve(listener)
	t.Cleanup(func() { secure.Close() })
	address := listener.Addr().String()
	return Remote{URL: "ssh://git@" + address + githost.RepositoryPath, KnownHosts: secure.KnownHosts(address), Agent: serveAgent(t, private)}, secure
}

func TestWhatAHostOfSSHSaysIsBounded(t *testing.T) {
	remote, secure := serve(t, someRuntimes(t)...).serveSSH(t)
	ref := func(name string) string {
		line := strings.Repeat("a", 40) + " refs/heads/" + name + "\n"
		return fmt.Sprintf("%04x%s", len(line)+4, line)
	}
	refs := ref("first\x00agent=git/2") + strings.Repeat(ref(strings.Repeat("x", 1000)), maxRefs/1000)
	for _, tc := range []struct {
		fault faults.SSHFault
		want  string
	}{
		{faults.SSHFault{Stdout: refs}, "it names more than 32 MB"},
		{faults.SSHFault{Stderr: strings.Repeat("no room ", maxFirstRef), Status: 1}, "the server refuses: no room no room"},
		{faults.SSHFault{Status: 1}, "the server says nothing of its branches"},
		{faults.SSHFault{Stdout: "Welcome to the git host!\n"}, "branches over SSH: "},
		{faults.Denied(githost.UploadPack), "repository not found, or no key of the SSH agent (--ssh default) may read it"},
	} {
		secure.ClearFaults()
		secure.Inject(tc.fault)
		_, err := List(t.Context(), remote)
		require.ErrorContains(t, err, tc.want)
		require.Less(t, len(err.Error()), 2000)
	}
}

func TestASilentHostOfSSHIsLeft(t *testing.T) {
	h := serve(t, someRuntimes(t)...)
	remote, secure := h.serveSSH(t)
	list, err := List(t.Context(), remote)
	require.NoError(t, err)
	require.Len(t, list, 3)

	remote.IdleTimeout = 300 * time.Millisecond
	secure.Inject(faults.SSHFault{Hang: true})
	_, err = List(t.Context(), remote)
	require.EqualError(t, err, "not done in 300ms: no answer in time")

	address := listen(t, "tcp", "127.0.0.1:0").Addr().String()
	remote.URL, remote.KnownHosts = "ssh://git@"+address+githost.RepositoryPath, secure.KnownHosts(address)
	for _, url := range []string{remote.URL, "http://" + address + "/r.git", "https://" + address + "/r.git"} {
		remote.URL = url
		_, err = List(t.Context(), remote)
		require.EqualError(t, err, "not done in 300ms: no answer in time", "%s takes connections and says nothing", url)
	}
}

func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// serveAgent is the socket of an SSH agent that holds the key.
func serveAgent(t *testing.T, private ed25519.PrivateKey) string {
	t.Helper()
	keys := sshagent.NewKeyring()
	require.NoError(t, keys.Add(sshagent.AddedKey{PrivateKey: private}))
	socket := filepath.Join(t.TempDir(), "agent")
	l := listen(t, "unix", socket)
	go func() {
		for {
			connection, err := l.Accept()
			if err != nil {
				return
			}
			go sshagent.ServeAgent(keys, connection)
		}
	}()
	return socket
}

func TestAPageToSignInIsToldWithTheSecretToGive(t *testing.T) {
	h := serve(t, someRuntimes(t)...)
	for name, fault := range map[string]faults.Fault{"203": faults.SignIn(203), "302": faults.SignIn(302), "200": faults.Page()} {
		t.Run(name, func(t *testing.T) {
			h.ClearFaults()
			h.Inject(faults.Target{Kind: githost.Git}, fault)
			_, err := List(t.Context(), Remote{URL: h.RepositoryURL()})
			require.ErrorContains(t, err, "it answers with a page to sign in: pass a token as the secret GIT_AUTH_TOKEN.127.0.0.1:")
			readme.Explains(t, err.Error(), "it answers with a page to sign in")
			require.NotContains(t, err.Error(), "_signin")
		})
	}
	h.ClearFaults()
	h.Inject(faults.Target{Kind: githost.Git}, faults.Fault{Redirect: faults.Redirect{Hops: 2, Status: 301}})
	list, err := List(t.Context(), Remote{URL: h.RepositoryURL()})
	require.NoError(t, err, "a repository that has moved")
	require.Len(t, list, 3)
}
