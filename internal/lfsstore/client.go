package lfsstore

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"lambdabase/internal/gitssh"
	"lambdabase/internal/lfs"
	"lambdabase/internal/secrets"
)

// ClientConfig is what is needed to ask for objects.
type ClientConfig struct {
	Secrets    secrets.Source
	Describe   func(id string) string // a secret in errors; nil: by its id
	KnownHosts string                 // of an SSH remote, as known_hosts has them
	Agent      string                 // socket of the SSH agent
	Transport  http.RoundTripper
	OnProgress func(lfs.Progress)
}

// NewClient returns a client for the objects of an origin.
func (a ClientConfig) NewClient(from Origin) (*lfs.Client, error) {
	credentials := Credentials(from.Repository, a.Secrets)
	credentials.Describe = a.Describe
	if err := credentials.Check(originOf(from.Server)); err != nil {
		return nil, err
	}
	return &lfs.Client{
		Endpoint:      func(ctx context.Context) (lfs.Endpoint, error) { return a.endpoint(ctx, from) },
		Authorization: credentials.Authorization,
		Hint:          func(u *url.URL) string { return advice(credentials, from, u) },
		Transport:     a.Transport,
		OnProgress:    a.OnProgress,
		UserAgent:     "lambdabase",
	}, nil
}

// advice is what to do where a credential is missing or refused. Only those of the repository's host, and of a server that
// the user names, are looked up.
func advice(c secrets.Credentials, from Origin, u *url.URL) string {
	for _, address := range []string{from.Repository, from.Server} {
		if known, err := url.Parse(originOf(address)); err == nil && known.Host == u.Host || originOf(address) == u.Hostname() {
			return c.Hint(u)
		}
	}
	return "the LFS server sends there, and must let in whom it sends"
}

// Credentials are those for a repository.
func Credentials(repository string, from secrets.Source) secrets.Credentials {
	return secrets.Credentials{Repository: originOf(repository), Secrets: from}
}

// originOf is who secrets are looked up for, with the scheme: what is asked in clear gets less.
func originOf(address string) string {
	if remote, isSSH, err := gitssh.ParseRemote(address); isSSH && err == nil {
		return remote.Hostname()
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// endpoint is the server that was named, or the repository's own: an SSH remote is asked for it.
func (a ClientConfig) endpoint(ctx context.Context, from Origin) (lfs.Endpoint, error) {
	if from.Server != "" {
		return lfs.Endpoint{URL: from.Server}, nil
	}
	remote, isSSH, err := gitssh.ParseRemote(from.Repository)
	if err != nil {
		return lfs.Endpoint{}, err
	}
	if !isSSH {
		url, err := lfs.ServerURL(from.Repository)
		return lfs.Endpoint{URL: url}, err
	}
	answer, err := gitssh.Authenticator{Remote: remote, KnownHosts: a.KnownHosts, Agent: a.Agent}.Authenticate(ctx)
	if err != nil {
		return lfs.Endpoint{}, err
	}
	expires := answer.ExpiresAt
	if answer.ExpiresIn > 0 {
		expires = time.Now().Add(answer.ExpiresIn)
	}
	return lfs.Endpoint{URL: answer.Href, Header: answer.Header, Expires: expires}, nil
}
