package hosttest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// AuthenticateLine is the command that asks for a token.
const AuthenticateLine = "git-lfs-authenticate aws/aws-lambda-base-images.git download"

// SSHServer is what is tested.
type SSHServer interface {
	Serve(net.Listener) error
	Close()
	HostKey() ssh.PublicKey
}

// SSHClient knows a server, and has a key.
type SSHClient struct {
	Addr   string
	Key    ed25519.PrivateKey
	server SSHServer
}

// AuthResponse is what git-lfs-authenticate says.
type AuthResponse struct {
	Href      string
	Header    map[string]string
	ExpiresIn int `json:"expires_in"`
}

// StartSSH serves with the server that is made for the key of the client.
func StartSSH(t *testing.T, newServer func(authorized ssh.PublicKey) (SSHServer, error)) *SSHClient {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	authorized, err := ssh.NewPublicKey(public)
	require.NoError(t, err)
	server, err := newServer(authorized)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go server.Serve(listener)
	t.Cleanup(func() { listener.Close(); server.Close() })
	return &SSHClient{Addr: listener.Addr().String(), Key: private, server: server}
}

// Dial connects with a key.
func (c *SSHClient) Dial(t *testing.T, key ed25519.PrivateKey) (*ssh.Client, error) {
	t.Helper()
	signer, err := ssh.NewSignerFromKey(key)
	require.NoError(t, err)
	return ssh.Dial("tcp", c.Addr, &ssh.ClientConfig{
		User: "git", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.FixedHostKey(c.server.HostKey()),
	})
}

// Run executes a command, and returns what it says and its exit status.
func (c *SSHClient) Run(t *testing.T, line string) (stdout, stderr string, status int) {
	t.Helper()
	client, err := c.Dial(t, c.Key)
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

// Authenticate asks for a token.
func (c *SSHClient) Authenticate(t *testing.T, line string) (response AuthResponse) {
	t.Helper()
	out, _, status := c.Run(t, line)
	require.Zero(t, status, line)
	require.NoError(t, json.Unmarshal([]byte(out), &response))
	return response
}

// Hang begins a command, and returns the connection and a channel that gets the command's end.
func (c *SSHClient) Hang(t *testing.T, line string) (*ssh.Client, <-chan error) {
	t.Helper()
	client, err := c.Dial(t, c.Key)
	require.NoError(t, err)
	session, err := client.NewSession()
	require.NoError(t, err)
	require.NoError(t, session.Start(line))
	ended := make(chan error, 1)
	go func() { ended <- session.Wait() }()
	return client, ended
}
