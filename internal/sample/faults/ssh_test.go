package faults

import (
	"lambdabase/internal/sample/githost"
	"lambdabase/internal/sample/hosttest"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// testSSHServer is an SSH server beside the HTTP one.
type testSSHServer struct {
	*testServer
	*hosttest.SSHClient
	ssh *SSHServer
}

func serveSSH(t *testing.T) *testSSHServer {
	t.Helper()
	s := &testSSHServer{testServer: serve(t)}
	s.SSHClient = hosttest.StartSSH(t, func(authorized ssh.PublicKey) (_ hosttest.SSHServer, err error) {
		s.ssh, err = NewSSH(s.Repository, githost.SSHOptions{Authorized: []ssh.PublicKey{authorized}, Server: s.Server.Server, HTTP: s.URL})
		return s.ssh, err
	})
	return s
}

func TestFaultsOfAuthenticate(t *testing.T) {
	s := serveSSH(t)
	for _, tc := range []struct {
		fault          SSHFault
		stdout, stderr string
		status         int
	}{
		{Garbage(), "Welcome", "", 0},
		{NoCommand(), "", "git-lfs-authenticate: command not found", 127},
		{Denied(githost.LFSAuthenticate), "", "ERROR: Repository not found.", 1},
		{Denied(""), "", "ERROR: Repository not found.", 1},
		{Denied(githost.UploadPack), `"href":`, "", 0},
		{SSHFault{Href: "http://other.example/info/lfs"}, `"href":"http://other.example/info/lfs"`, "", 0},
	} {
		s.ssh.ClearFaults()
		s.ssh.Inject(tc.fault)
		stdout, stderr, status := s.Run(t, hosttest.AuthenticateLine)
		require.Contains(t, stdout, tc.stdout)
		require.Contains(t, stderr, tc.stderr)
		require.Equal(t, tc.status, status)
	}
}

func TestExpiredTokenSaysSoOrNot(t *testing.T) {
	s := serveSSH(t)
	for expiresIn, fault := range map[int]SSHFault{-60: {Lifetime: -time.Minute}, 600: {Lifetime: -time.Minute, ExpiresIn: 600}} {
		fault.Times = 1
		s.ssh.Inject(fault)
		answer := s.Authenticate(t, hosttest.AuthenticateLine)
		require.Equal(t, expiresIn, answer.ExpiresIn)
		response, _ := s.post(t, []string{s.OID}, "Authorization", answer.Header["Authorization"])
		require.Equal(t, http.StatusUnauthorized, response.StatusCode)
		require.Equal(t, 600, s.Authenticate(t, hosttest.AuthenticateLine).ExpiresIn, "once")
	}
}

func TestHangAnswersNothing(t *testing.T) {
	s := serveSSH(t)
	s.ssh.Inject(SSHFault{Hang: true})
	client, ended := s.Hang(t, hosttest.AuthenticateLine)
	require.Eventually(t, func() bool { return len(s.ssh.Commands()) == 1 }, hosttest.WaitTimeout, hosttest.Tick)
	select {
	case <-ended:
		require.Fail(t, "it answered")
	case <-time.After(200 * time.Millisecond): // no harm if that is too short on a busy machine
	}
	client.Close()
	require.Error(t, <-ended)
}
