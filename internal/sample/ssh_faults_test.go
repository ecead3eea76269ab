package sample

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFaultsOfAuthenticate(t *testing.T) {
	s := serveSSH(t)
	for _, tc := range []struct {
		fault          SSHFault
		stdout, stderr string
		status         int
	}{
		{Garbage(), "Welcome", "", 0},
		{NoCommand(), "", "git-lfs-authenticate: command not found", 127},
		{Denied(LFSAuthenticate), "", "ERROR: Repository not found.", 1},
		{Denied(""), "", "ERROR: Repository not found.", 1},
		{Denied(UploadPack), `"href":`, "", 0},
		{SSHFault{Href: "http://other.example/info/lfs"}, `"href":"http://other.example/info/lfs"`, "", 0},
	} {
		s.SSHServer.ClearFaults()
		s.SSHServer.Inject(tc.fault)
		stdout, stderr, status := s.run(t, authenticateLine)
		require.Contains(t, stdout, tc.stdout)
		require.Contains(t, stderr, tc.stderr)
		require.Equal(t, tc.status, status)
	}
}

func TestExpiredTokenSaysSoOrNot(t *testing.T) {
	s := serveSSH(t)
	for said, fault := range map[int]SSHFault{-60: {Lifetime: -time.Minute}, 600: {Lifetime: -time.Minute, ExpiresIn: 600}} {
		fault.Times = 1
		s.SSHServer.Inject(fault)
		answer := s.authenticate(t)
		require.Equal(t, said, answer.ExpiresIn)
		response, _ := s.post(t, downloadBody(s.oid), "Authorization", answer.Header["Authorization"])
		require.Equal(t, http.StatusUnauthorized, response.StatusCode)
		require.Equal(t, 600, s.authenticate(t).ExpiresIn, "once")
	}
}

func TestHangEndsWhenTheClientLeaves(t *testing.T) {
	s := serveSSH(t)
	s.SSHServer.Inject(SSHFault{Hang: true})
	client, err := s.client(t, s.key)
	require.NoError(t, err)
	session, err := client.NewSession()
	require.NoError(t, err)
	require.NoError(t, session.Start(authenticateLine))
	ended := make(chan error, 1)
	go func() { ended <- session.Wait() }()
	require.Eventually(t, func() bool { return len(s.Commands()) == 1 }, waitTimeout, tick)
	select {
	case <-ended:
		require.Fail(t, "it answered")
	case <-time.After(200 * time.Millisecond): // no harm if that is too short on a busy machine
	}
	client.Close()
	require.Error(t, <-ended)
	require.Eventually(t, func() bool {
		s.SSHServer.mutex.Lock()
		defer s.SSHServer.mutex.Unlock()
		return len(s.SSHServer.conns) == 0
	}, waitTimeout, tick)
}
