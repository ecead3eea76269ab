package lfsstore

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"lambdabase/internal/gitssh"
	"lambdabase/internal/lfs"
	"lambdabase/internal/lfs/transfer"
	"lambdabase/internal/secrets"
)

// ClientConfig is what is needed to ask for objects.
type ClientConfig struct {
	Secrets    secrets.Source
	Describe   func(id string) string // a secret in errors; nil: by its id
	KnownHosts string                 // of an SSH remote, as known_hosts has them
	Agent      string                 // socket of the SSH agent
	Transport  http.RoundTripper
	OnProgress func(transfer.Progress)
}

// NewClient returns a client for the objects of an origin.
func (a ClientConfig) NewClient(origin Remote) (*transfer.Client, error) {
	credentials := Credentials(origin.Repository, a.Secrets)
	credentials.Describe = a.Describe
	if err := credentials.Check(hostWithScheme(origin.Server)); err != nil {
		return nil, err
	}
	return &transfer.Client{
		Endpoint:      func(ctx context.Context) (transfer.Endpoint, error) { return a.endpoint(ctx, origin) },
		Authorization: credentials.Authorization,
		Hint:          func(u *url.URL) string { return hint(credentials, origin, u) },
		Transport:     a.Transport,
		OnProgress:    a.OnProgress,
		UserAgent:     "lambdabase",
	}, nil
}

// hint returns what to do where a credential is missing or refused. Only those of the repository's host, and of a server that
// the user names, are looked up.
func hint(c secrets.Credentials, origin Remote, u *url.URL) string {
	for _, address := range []string{origin.Repository, origin.Server} {
		if known, err := url.Parse(hostWithScheme(address)); err == nil && known.Host == u.Host || hostWithScheme(address) == u.Hostname() {
			return c.Hint(u)
		}
	}
	return "the LFS server sends there, and must let in whom it sends"
}

// Credentials returns those for a repository.
func Credentials(repository string, source secrets.Source) secrets.Credentials {
	return secrets.Credentials{Repository: hostWithScheme(repository), Secrets: source}
}

// hostWithScheme is who secrets are looked up for, with the scheme: what is asked in clear gets less.
func hostWithScheme(address string) string {
	if remote, isSSH, err := gitssh.ParseRemote(address); isSSH && err == nil {
		return remote.Hostname()
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// endpoint returns the server that was named, or the repository's own: an SSH remote is asked for it.
func (a ClientConfig) endpoint(ctx context.Context, origin Remote) (transfer.Endpoint, error) {
	if origin.Server != "" {
		return transfer.Endpoint{URL: origin.Server}, nil
	}
	remote, isSSH, err := gitssh.ParseRemote(origin.Repository)
	if err != nil {
		return transfer.Endpoint{}, err
	}
	if !isSSH {
		url, err := lfs.ServerURL(origin.Repository)
		return transfer.Endpoint{URL: url}, err
	}
	auth, err := gitssh.Authenticator{Remote: remote, KnownHosts: a.KnownHosts, Agent: a.Agent}.Authenticate(ctx)
	if err != nil {
		return transfer.Endpoint{}, err
	}
	expires := auth.ExpiresAt
	if auth.ExpiresIn > 0 {
		expires = time.Now().Add(auth.ExpiresIn)
	}
	return transfer.Endpoint{URL: auth.Href, Header: auth.Header, Expires: expires, Host: remote.Hostname()}, nil
}
