package githost

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"lambdabase/internal/sample/hosttest"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

func serveSSH(t *testing.T, intercept func(context.Context, ssh.Channel, string, func(LFSAuth) int) int) *testSSHServer {
	t.Helper()
	s := &testSSHServer{testServer: serve(t)}
	s.SSHClient = hosttest.StartSSH(t, func(authorized ssh.PublicKey) (_ hosttest.SSHServer, err error) {
		s.ssh, err = NewSSH(s.Repository, SSHOptions{Authorized: []ssh.PublicKey{authorized}, Server: s.Server, HTTP: s.URL, Intercept: intercept})
		return s.ssh, err
	})
	return s
}

func TestGitClonesOverSSH(t *testing.T) {
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("ssh is not installed")
	}
	s, dir := serveSSH(t, nil), t.TempDir()
	known, identity := filepath.Join(dir, "known_hosts"), filepath.Join(dir, "key")
	require.NoError(t, os.WriteFile(known, []byte(s.ssh.KnownHosts(s.Addr)+"\n"), 0o600))
	block, err := ssh.MarshalPrivateKey(s.Key, "")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(identity, pem.EncodeToMemory(block), 0o600))
	t.Setenv("GIT_SSH_COMMAND", "ssh -F none -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile="+known+" -i "+identity)

	url := "ssh://git@" + s.Addr + RepositoryPath
	hosttest.Git(t, dir, "clone", "--quiet", "--depth", "1", "-b", hosttest.Branch, url, "work")
	work := filepath.Join(dir, "work")
	require.Equal(t, s.Commit, hosttest.Git(t, work, "rev-parse", "HEAD"))
	require.Equal(t, Command{User: "git", Line: "git-upload-pack '" + RepositoryPath + "'", Protocol: "version=2"}, s.ssh.Commands()[0])
	hosttest.Git(t, dir, "ls-remote", strings.TrimSuffix(url, ".git"))

	if exec.Command("git", "lfs", "version").Run() != nil {
		return
	}
	s.SetAccess(Access{Accept: []string{good}}) // so that the token alone opens the batch API
	hosttest.Git(t, work, "lfs", "install", "--local", "--force")
	hosttest.Git(t, work, "lfs", "pull")
	content, err := os.ReadFile(filepath.Join(work, s.Path))
	require.NoError(t, err)
	require.Equal(t, s.Content, content)
}

func TestUnknownKeyIsNotLetIn(t *testing.T) {
	s := serveSSH(t, nil)
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	_, err = s.Dial(t, stranger)
	require.ErrorContains(t, err, "unable to authenticate")
}

func TestAuthenticateGivesATokenForTheBatch(t *testing.T) {
	s := serveSSH(t, nil)
	s.SetAccess(Access{Accept: []string{good}})
	for _, path := range []string{"aws/aws-lambda-base-images.git", "/aws/aws-lambda-base-images", "'/aws/aws-lambda-base-images.git'"} {
		answer := s.Authenticate(t, "git-lfs-authenticate "+path+" download")
		require.Equal(t, s.URL+RepositoryPath+"/info/lfs", answer.Href)
		require.Equal(t, 600, answer.ExpiresIn)
		response, _ := s.Post(t, batchPath, hosttest.DownloadBody(s.OID), "Authorization", answer.Header["Authorization"])
		require.Equal(t, http.StatusOK, response.StatusCode)
	}
}

func TestWhatIsNotOfferedOverSSH(t *testing.T) {
	s := serveSSH(t, nil)
	for line, want := range map[string]struct {
		status int
		stderr string
	}{
		"ls":                               {127, "ls: command not found"},
		"git-receive-pack '/x'":            {127, "command not found"},
		"git-upload-pack '/aws/other.git'": {1, "ERROR: Repository not found."},
		"git-lfs-authenticate x download":  {1, "ERROR: Repository not found."},
		"git-upload-pack '/a b'":           {127, "command not found"},
		strings.Replace(hosttest.AuthenticateLine, "download", "upload", 1): {1, "only download is offered"},
	} {
		_, stderr, status := s.Run(t, line)
		require.Equal(t, want.status, status, line)
		require.Contains(t, stderr, want.stderr, line)
	}
	s.ssh.opts.Server = nil
	_, stderr, status := s.Run(t, hosttest.AuthenticateLine)
	require.Equal(t, 127, status)
	require.Contains(t, stderr, "git-lfs-authenticate: command not found")
}

func TestACommandEndsWhenTheClientLeaves(t *testing.T) {
	s := serveSSH(t, func(ctx context.Context, _ ssh.Channel, _ string, _ func(LFSAuth) int) int {
		<-ctx.Done()
		return 1
	})
	client, ended := s.Hang(t, hosttest.AuthenticateLine)
	require.Eventually(t, func() bool { return len(s.ssh.Commands()) == 1 }, hosttest.WaitTimeout, hosttest.Tick)
	client.Close()
	require.Error(t, <-ended)
	require.Eventually(t, func() bool {
		s.ssh.mu.Lock()
		defer s.ssh.mu.Unlock()
		return len(s.ssh.conns) == 0
	}, hosttest.WaitTimeout, hosttest.Tick)
}
