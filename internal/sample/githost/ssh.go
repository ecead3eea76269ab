package githost

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"slices"
	"sync"
	"time"

	"lambdabase/internal/sample"

	"github.com/pkg/errors"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// SSHOptions say who may come and what is offered besides git.
type SSHOptions struct {
	Authorized []ssh.PublicKey
	HostKey    ssh.Signer // made if nil
	// Server takes the tokens of git-lfs-authenticate at the base HTTP. Without it there is no such
	// command.
	Server *Server
	HTTP   string
	// Intercept, for tests, stands before a command, which next runs.
	Intercept func(ctx context.Context, channel ssh.Channel, command string, next func(LFSAuth) (status int)) (status int)
}

// LFSAuth is what git-lfs-authenticate says in the place of what is so.
type LFSAuth struct {
	Href      string        // the server's if empty
	Lifetime  time.Duration // of the token; ten minutes if 0, over from the start if negative
	ExpiresIn int           // seconds; the lifetime if 0
}

// SSHServer serves the repository over SSH and keeps a log of it.
type SSHServer struct {
	repository *sample.Repository
	opts       SSHOptions
	config     *ssh.ServerConfig

	mu       sync.Mutex
	commands []Command
	conns    map[net.Conn]bool
}

// Command is one that a client had executed, or wanted to.
type Command struct {
	User     string
	Line     string
	Protocol string // GIT_PROTOCOL
}

// NewSSH is a server for the commands git-upload-pack and git-lfs-authenticate.
func NewSSH(repository *sample.Repository, opts SSHOptions) (*SSHServer, error) {
	if opts.HostKey == nil {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, errors.Wrap(err, "host key")
		}
		if opts.HostKey, err = ssh.NewSignerFromKey(key); err != nil {
			return nil, errors.Wrap(err, "host key")
		}
	}
	s := &SSHServer{repository: repository, opts: opts, conns: map[net.Conn]bool{}}
	s.config = &ssh.ServerConfig{PublicKeyCallback: s.authorize}
	s.config.AddHostKey(opts.HostKey)
	return s, nil
}

func (s *SSHServer) authorize(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	known := slices.ContainsFunc(s.opts.Authorized, func(a ssh.PublicKey) bool { return bytes.Equal(a.Marshal(), key.Marshal()) })
	if !known {
		return nil, errors.New("unknown key")
	}
	return nil, nil
}

// HostKey is the server's public key.
func (s *SSHServer) HostKey() ssh.PublicKey { return s.opts.HostKey.PublicKey() }

// KnownHosts is the line of a known_hosts file for the server at an address.
func (s *SSHServer) KnownHosts(addr string) string {
	return knownhosts.Line([]string{knownhosts.Normalize(addr)}, s.HostKey())
}

// Commands are those so far.
func (s *SSHServer) Commands() []Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

func (s *SSHServer) record(c Command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands = append(s.commands, c)
}

// Serve serves until the listener is closed.
func (s *SSHServer) Serve(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go s.serveConn(conn)
	}
}

// Close ends the connections there are, hanging commands included.
func (s *SSHServer) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

func (s *SSHServer) serveConn(conn net.Conn) {
	s.mu.Lock()
	s.conns[conn] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, conn)
		conn.Close()
	}()
	secure, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for channel := range channels {
		if channel.ChannelType() != "session" {
			channel.Reject(ssh.UnknownChannelType, "only sessions")
			continue
		}
		if accepted, requests, err := channel.Accept(); err == nil {
			go s.serveSession(secure.User(), accepted, requests)
		}
	}
}
