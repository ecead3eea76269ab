package gitssh

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lambdabase/test/readme"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

const goodAnswer = `{"href":"https://lfs.example/org/repo/info/lfs","header":{"Authorization":"RemoteAuth SECRET"},"expires_in":3600,"expires_at":"2030-01-02T03:04:05Z","unknown":[1]}`

func TestAnSSHRemoteIsAskedForItsLFSServer(t *testing.T) {
	for path, command := range map[string]string{
		"org/repo.git":   "git-lfs-authenticate org/repo.git download",
		"/org/repo.git":  "git-lfs-authenticate /org/repo.git download",
		"/~/r@1":         "git-lfs-authenticate /~/r@1 download",
		"/a b":           "git-lfs-authenticate '/a b' download",
		"/$(x);`y`|'z'&": `git-lfs-authenticate '/$(x);` + "`y`" + `|'\''z'\''&' download`,
	} {
		s := serve(t, answers(goodAnswer, "", 0))
		a := s.client(t)
		a.Remote.Path = path
		got, err := a.Authenticate(context.Background())
		require.NoError(t, err)
		require.Equal(t, LFSAuth{
			Href: "https://lfs.example/org/repo/info/lfs", Header: map[string]string{"Authorization": "RemoteAuth SECRET"},
			ExpiresIn: time.Hour, ExpiresAt: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC),
		}, got)
		require.Equal(t, command, <-s.commands)
		require.Equal(t, "git", <-s.users)
	}
}

func TestAnyKnownKindOfHostKeyWillDo(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	_, ed25519Key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	keys := []ssh.Signer{signer(t, rsaKey), signer(t, ecdsaKey), signer(t, ed25519Key)}
	for _, key := range keys {
		s := serve(t, answers(goodAnswer, "", 0), keys...)
		a := s.client(t)
		a.KnownHosts = knownhosts.Line([]string{s.address}, key.PublicKey())
		_, err := a.Authenticate(context.Background())
		require.NoError(t, err, key.PublicKey().Type())
	}
}

func TestAHostThatIsNotTheKnownOneIsRefusedPlainly(t *testing.T) {
	s := serve(t, answers(goodAnswer, "", 0))
	a := s.client(t)
	other := newKey(t)
	a.KnownHosts = knownhosts.Normalize(s.address) + " " + other
	_, err := a.Authenticate(context.Background())
	require.ErrorContains(t, err, "the host key of "+s.address+" is not the one that is known: it shows ssh-ed25519 "+ssh.FingerprintSHA256(s.key.PublicKey())+", known are ssh-ed25519 SHA256:")
	require.ErrorContains(t, err, "somebody poses as the host")
	readme.Explains(t, err.Error(), "is not the one that is known")

	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	a.KnownHosts = knownhosts.Line([]string{s.address}, signer(t, ecdsaKey).PublicKey())
	_, err = a.Authenticate(context.Background())
	require.ErrorContains(t, err, "it shows none but ssh-ed25519, known are ecdsa-sha2-nistp256 SHA256:")

	a.KnownHosts = knownhosts.Normalize(s.address) + " " + other + "\n@revoked * " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.key.PublicKey())))
	_, err = a.Authenticate(context.Background())
	require.ErrorContains(t, err, "is not the one that is known")

	a.KnownHosts = ""
	_, err = a.Authenticate(context.Background())
	require.ErrorContains(t, err, "the host key of "+s.address+" is not known: give the lines that ssh-keyscan -p ")
	require.Empty(t, s.commands)
	require.Empty(t, s.users, "logged in")
}

func TestAnAgentWithAKeyThatTheServerTakesIsNeeded(t *testing.T) {
	s := serve(t, answers(goodAnswer, "", 0))
	a := s.client(t)
	for socket, want := range map[string]string{
		"":                                   "no SSH agent: forward an SSH agent: --ssh default",
		filepath.Join(t.TempDir(), "nobody"): "no SSH agent: forward an SSH agent: --ssh default",
		agentWith(t):                         "the SSH agent holds no keys",
		agentWith(t, newPrivate(t), newPrivate(t)): "permission denied (publickey): " + s.address + " takes none of the 2 keys of the SSH agent for the user git",
		agentWith(t, newPrivate(t), newPrivate(t), newPrivate(t), newPrivate(t), newPrivate(t), newPrivate(t), newPrivate(t), newPrivate(t), newPrivate(t)): "gave up before it had seen all 9 keys of the SSH agent",
	} {
		a.Agent = socket
		_, err := a.Authenticate(context.Background())
		require.ErrorContains(t, err, want)
	}
}

func TestWhatTheServerAnswersIsCheckedAndNotRepeated(t *testing.T) {
	for answer, want := range map[string]string{
		"":                                   "didn't answer with the JSON",
		"Welcome, SECRET!\n" + goodAnswer:    "didn't answer with the JSON",
		goodAnswer + "SECRET":                "something behind its JSON",
		goodAnswer + goodAnswer:              "something behind its JSON",
		`"SECRET"`:                           "didn't answer with the JSON",
		`{}`:                                 "without the URL",
		`{"href":"SECRET"}`:                  "without the URL",
		`{"href":"ssh://lfs.example"}`:       "without the URL",
		`{"href":"https:///SECRET"}`:         "without the URL",
		`{"href":"https://u:SECRET@h/x"}`:    "without the URL",
		`{"href":"https://h/x#SECRET"}`:      "without the URL",
		`{"href":"http://h.example/SECRET"}`: "without encryption (http://h.example)",
		`{"href":"https://h","header":{"Authorization":["SECRET"]}}`:            "didn't answer with the JSON",
		`{"href":"https://h","header":{"Authorization":"a\r\nX: SECRET"}}`:      "malformed header",
		`{"href":"https://h","header":{"X Y":"SECRET"}}`:                        "malformed header",
		`{"href":"https://h","header":{"":"SECRET"}}`:                           "malformed header",
		`{"href":"https://h","expires_at":"SECRET"}`:                            "malformed expires_at",
		`{"href":"https://h","expires_in":"SECRET"}`:                            "didn't answer with the JSON",
		`{"href":"https://h","expires_in":9223372036854775807}`:                 "impossible expires_in",
		`{"href":"https://h","x":"` + strings.Repeat("SECRET", 64<<10/6) + `"}`: "the answer has more than 64 KiB",
		"SECRET" + strings.Repeat("x", 10<<20):                                  "the answer has more than 64 KiB",
	} {
		_, err := serve(t, answers(answer, "", 0)).client(t).Authenticate(context.Background())
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "SECRET")
	}
	for answer, want := range map[string]LFSAuth{
		`{"href":"http://127.0.0.1:5000/x","header":null,"expires_in":-5,"expires_at":""}` + "\n": {Href: "http://127.0.0.1:5000/x", ExpiresIn: -5 * time.Second},
		`{"href":"http://localhost/x"}`: {Href: "http://localhost/x"},
		`{"href":"https://h/x?a=b"}`:    {Href: "https://h/x?a=b"},
	} {
		got, err := serve(t, answers(answer, "", 0)).client(t).Authenticate(context.Background())
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestAServerThatRefusesIsQuotedInOneSafeLine(t *testing.T) {
	for _, c := range []struct {
		stderr string
		status uint32
		want   string
	}{
		{"sh: git-lfs-authenticate: not found\n", 127, "the server has no Git LFS over SSH: it doesn't know the command git-lfs-authenticate"},
		{"ERROR: Repository not found.\r\n\r\n\x1b[31mfatal\n", 1, "the server refuses: ERROR: Repository not found. [31mfatal (exit status 1)"},
		{"see https://u:SECRET@h/x?token=SECRET\n", 3, "the server refuses: see https://h/x?... (exit status 3)"},
		{strings.Repeat("é", 10_000), 1, "the server refuses: " + strings.Repeat("é", 300) + "... (exit status 1)"},
		{"", 1, "the server refuses without a reason (exit status 1)"},
	} {
		_, err := serve(t, answers(goodAnswer, c.stderr, c.status)).client(t).Authenticate(context.Background())
		require.Error(t, err)
		require.Equal(t, c.want, errors.Cause(err).Error())
	}
	_, err := serve(t, func(channel ssh.Channel, _ string) { channel.Close() }).client(t).Authenticate(context.Background())
	require.ErrorContains(t, err, "the server didn't run git-lfs-authenticate to its end")
}

func TestAServerThatHangsIsGivenUp(t *testing.T) {
	hang := func(channel ssh.Channel, _ string) { _, _ = io.Copy(io.Discard, channel) } // until that is closed
	silent, err := net.Listen("tcp", "127.0.0.1:0")                                     // takes connections and says nothing
	require.NoError(t, err)
	defer silent.Close()
	deaf, err := net.Listen("unix", filepath.Join(t.TempDir(), "agent"))
	require.NoError(t, err)
	defer deaf.Close()

	command, handshake, agent := serve(t, hang).client(t), serve(t, hang).client(t), serve(t, hang).client(t)
	handshake.Remote.Host, handshake.KnownHosts = silent.Addr().String(), knownhosts.Normalize(silent.Addr().String())+" "+newKey(t)
	agent.Agent = deaf.Addr().String()
	for _, a := range []Authenticator{command, handshake, agent} {
		a.Timeout = 100 * time.Millisecond
		_, err := a.Authenticate(context.Background())
		require.ErrorContains(t, err, "for its LFS server: no answer within 100ms")

		a.Timeout = 0
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(100*time.Millisecond, cancel)
		_, err = a.Authenticate(ctx)
		require.ErrorIs(t, err, context.Canceled)
	}
}

// server is an SSH server that takes one key and hands every command to a function.
type server struct {
	address  string
	key      ssh.Signer
	login    crypto.PrivateKey
	run      func(ssh.Channel, string)
	config   *ssh.ServerConfig
	commands chan string
	users    chan string
}

func serve(t *testing.T, run func(ssh.Channel, string), hostKeys ...ssh.Signer) *server {
	if len(hostKeys) == 0 {
		hostKeys = []ssh.Signer{signer(t, newPrivate(t))}
	}
	s := &server{key: hostKeys[0], login: newPrivate(t), run: run, commands: make(chan string, 1), users: make(chan string, 1)}
	login := signer(t, s.login).PublicKey()
	s.config = &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if !bytes.Equal(key.Marshal(), login.Marshal()) {
			return nil, errors.New("no")
		}
		return nil, nil
	}}
	for _, key := range hostKeys {
		s.config.AddHostKey(key)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	s.address = listener.Addr().String()
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go s.handle(connection)
		}
	}()
	return s
}

func (s *server) handle(c net.Conn) {
	defer c.Close()
	connection, channels, requests, err := ssh.NewServerConn(c, s.config)
	if err != nil {
		return
	}
	s.users <- connection.User()
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		for r := range requests {
			if r.Type == "exec" {
				var exec struct{ Command string }
				_ = ssh.Unmarshal(r.Payload, &exec)
				_ = r.Reply(true, nil)
				s.commands <- exec.Command
				go s.run(channel, exec.Command)
			}
		}
	}
}

// client is one that the server takes.
func (s *server) client(t *testing.T) Authenticator {
	return Authenticator{
		Remote:     Remote{User: "git", Host: s.address, Path: "/r"},
		KnownHosts: knownhosts.Line([]string{s.address}, s.key.PublicKey()),
		Agent:      agentWith(t, newPrivate(t), s.login),
	}
}

// answers is a command that writes and exits.
func answers(stdout, stderr string, status uint32) func(ssh.Channel, string) {
	return func(channel ssh.Channel, _ string) {
		defer channel.Close()
		_, _ = io.WriteString(channel.Stderr(), stderr)
		_, _ = io.WriteString(channel, stdout)
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
	}
}

// agentWith serves an agent and returns its socket.
func agentWith(t *testing.T, keys ...crypto.PrivateKey) string {
	ring := agent.NewKeyring()
	for _, key := range keys {
		require.NoError(t, ring.Add(agent.AddedKey{PrivateKey: key}))
	}
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "agent"))
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				_ = agent.ServeAgent(ring, connection)
			}()
		}
	}()
	return listener.Addr().String()
}

func newPrivate(t *testing.T) crypto.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return &key
}

func signer(t *testing.T, key crypto.PrivateKey) ssh.Signer {
	s, err := ssh.NewSignerFromKey(key)
	require.NoError(t, err)
	return s
}
