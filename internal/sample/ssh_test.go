package sample

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// testSSHServer is an SSH server beside the HTTP one, and the key that it lets in.
type testSSHServer struct {
	*SSHServer
	*testServer
	addr string
	key  ed25519.PrivateKey
}

func serveSSH(t *testing.T) *testSSHServer {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	authorized, err := ssh.NewPublicKey(public)
	require.NoError(t, err)
	s := &testSSHServer{testServer: serve(t), key: private}
	s.SSHServer, err = NewSSH(s.testServer.repository, SSHOptions{Authorized: []ssh.PublicKey{authorized}, Server: s.Server, HTTP: s.url})
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.addr = listener.Addr().String()
	go s.Serve(listener)
	t.Cleanup(func() { listener.Close(); s.SSHServer.Close() })
	return s
}

// client is a Go client that knows the host.
func (s *testSSHServer) client(t *testing.T, key ed25519.PrivateKey) (*ssh.Client, error) {
	t.Helper()
	signer, err := ssh.NewSignerFromKey(key)
	require.NoError(t, err)
	return ssh.Dial("tcp", s.addr, &ssh.ClientConfig{
		User: "git", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.FixedHostKey(s.HostKey()),
	})
}

// run executes a command and is what it says and its exit status.
func (s *testSSHServer) run(t *testing.T, line string) (stdout, stderr string, status int) {
	t.Helper()
	client, err := s.client(t, s.key)
	require.NoError(t, err)
	defer client.Close()
	session, err := client.NewSession()
	require.NoError(t, err)
	var out, errs bytes.Buffer
	session.Stdout, session.Stderr = &out, &errs
	if err := session.Run(line); err != nil {
		var exit *ssh.ExitError
		require.ErrorAs(t, err, &exit)
		status = exit.ExitStatus()
	}
	return out.String(), errs.String(), status
}

const authenticateLine = "git-lfs-authenticate aws/aws-lambda-base-images.git download"

type authResponse struct {
	Href      string
	Header    map[string]string
	ExpiresIn int `json:"expires_in"`
}

func (s *testSSHServer) authenticate(t *testing.T) (response authResponse) {
	t.Helper()
	out, _, status := s.run(t, authenticateLine)
	require.Zero(t, status)
	require.NoError(t, json.Unmarshal([]byte(out), &response))
	return response
}

func TestGitClonesOverSSH(t *testing.T) {
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("ssh is not installed")
	}
	s, dir := serveSSH(t), t.TempDir()
	known, identity := filepath.Join(dir, "known_hosts"), filepath.Join(dir, "key")
	require.NoError(t, os.WriteFile(known, []byte(s.KnownHosts(s.addr)+"\n"), 0o600))
	block, err := ssh.MarshalPrivateKey(s.key, "")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(identity, pem.EncodeToMemory(block), 0o600))
	t.Setenv("GIT_SSH_COMMAND", "ssh -F none -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile="+known+" -i "+identity)

	url := "ssh://git@" + s.addr + RepositoryPath
	runGit(t, dir, "clone", "--quiet", "--depth", "1", "-b", branch, url, "work")
	work := filepath.Join(dir, "work")
	require.Equal(t, s.commit, runGit(t, work, "rev-parse", "HEAD"))
	require.Equal(t, Command{User: "git", Line: "git-upload-pack '" + RepositoryPath + "'", Protocol: "version=2"}, s.Commands()[0])
	runGit(t, dir, "ls-remote", strings.TrimSuffix(url, ".git"))

	if exec.Command("git", "lfs", "version").Run() != nil {
		return
	}
	s.SetAccess(Access{Accept: []string{good}}) // so that the token alone opens the batch API
	runGit(t, work, "lfs", "install", "--local", "--force")
	runGit(t, work, "lfs", "pull")
	content, err := os.ReadFile(filepath.Join(work, s.path))
	require.NoError(t, err)
	require.Equal(t, s.content, content)
}

func TestUnknownKeyIsNotLetIn(t *testing.T) {
	s := serveSSH(t)
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	_, err = s.client(t, stranger)
	require.ErrorContains(t, err, "unable to authenticate")
}

func TestAuthenticateGivesATokenForTheBatch(t *testing.T) {
	s := serveSSH(t)
	s.SetAccess(Access{Accept: []string{good}})
	for _, path := range []string{"aws/aws-lambda-base-images.git", "/aws/aws-lambda-base-images", "'/aws/aws-lambda-base-images.git'"} {
		out, _, status := s.run(t, "git-lfs-authenticate "+path+" download")
		require.Zero(t, status, path)
		var answer authResponse
		require.NoError(t, json.Unmarshal([]byte(out), &answer))
		require.Equal(t, s.url+RepositoryPath+"/info/lfs", answer.Href)
		require.Equal(t, 600, answer.ExpiresIn)
		response, _ := s.post(t, downloadBody(s.oid), "Authorization", answer.Header["Authorization"])
		require.Equal(t, http.StatusOK, response.StatusCode)
	}
}

func TestWhatIsNotOfferedOverSSH(t *testing.T) {
	s := serveSSH(t)
	for line, want := range map[string]struct {
		status int
		stderr string
	}{
		"ls":                               {127, "ls: command not found"},
		"git-receive-pack '/x'":            {127, "command not found"},
		"git-upload-pack '/aws/other.git'": {1, "ERROR: Repository not found."},
		"git-lfs-authenticate x download":  {1, "ERROR: Repository not found."},
		"git-upload-pack '/a b'":           {127, "command not found"},
		strings.Replace(authenticateLine, "download", "upload", 1): {1, "only download is offered"},
	} {
		_, stderr, status := s.run(t, line)
		require.Equal(t, want.status, status, line)
		require.Contains(t, stderr, want.stderr, line)
	}
	s.opts.Server = nil
	_, stderr, status := s.run(t, authenticateLine)
	require.Equal(t, 127, status)
	require.Contains(t, stderr, "git-lfs-authenticate: command not found")
}
