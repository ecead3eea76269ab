package branches

import (
	"context"
	"net/http"
	"net/url"

	"lambdabase/internal/gitssh"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	gogitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"github.com/pkg/errors"
	"golang.org/x/crypto/ssh"
)

// auth is how the remote is told who asks; nil where nothing is known.
func (r Remote) auth(ctx context.Context) (transport.AuthMethod, error) {
	remote, isSSH, err := gitssh.ParseRemote(r.URL)
	if err != nil {
		return nil, err
	}
	if isSSH {
		config, err := gitssh.Authenticator{Remote: remote, KnownHosts: r.KnownHosts, Agent: r.Agent}.ClientConfig(ctx)
		return &agentAuth{config}, err
	}
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, errors.New("malformed URL of the repository")
	}
	if err := r.Credentials.Check(); err != nil {
		return nil, err
	}
	value, name := r.Credentials.Authorization(u)
	if value == "" {
		return nil, nil
	}
	return &authHeader{value, name}, nil
}

// authHeader is an Authorization as it is sent, as BuildKit's git source takes it.
type authHeader struct{ value, name string }

var _ githttp.AuthMethod = (*authHeader)(nil)

func (h *authHeader) Name() string              { return h.name }
func (h *authHeader) String() string            { return h.name }
func (h *authHeader) SetAuth(req *http.Request) { req.Header.Set("Authorization", h.value) }

// agentAuth logs in with the keys of the SSH agent.
type agentAuth struct{ config *ssh.ClientConfig }

var _ gogitssh.AuthMethod = (*agentAuth)(nil)

func (a *agentAuth) Name() string                             { return "ssh-agent" }
func (a *agentAuth) String() string                           { return a.Name() }
func (a *agentAuth) ClientConfig() (*ssh.ClientConfig, error) { return a.config, nil }
