package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"sync"

	"lambdabase/frontend"
	"lambdabase/internal/gitssh"
	"lambdabase/internal/secrets"
	"lambdabase/internal/usergit"

	"github.com/pkg/errors"
)

// useGit has the store know what the user's git has for a repository and for the server of its objects, if that is another
// one. Each is sent to its own host only, and git is asked when it is first needed.
func (s *secretStore) useGit(ctx context.Context, git usergit.Git, remote usergit.Remote, server string) {
	if u := httpURL(remote.URL); u != nil && !s.hasForRepository(u.Host) && git.Knows(ctx, u, remote.User) {
		probe := u.JoinPath("info/refs").String() + "?service=git-upload-pack"
		s.git[u.Host] = sync.OnceValue(func() string {
			return git.Authorization(ctx, u, remote.User, func(header string) bool { return s.letsIn(ctx, probe, header) })
		})
	}
	if u := httpURL(server); u != nil && s.git[u.Host] == nil && !s.hasForHost(u.Host) && git.Knows(ctx, u, nil) {
		s.git[u.Host] = sync.OnceValue(func() string {
			return git.Authorization(ctx, u, nil, func(header string) bool { return header != "" })
		})
	}
	if len(s.git) > 0 {
		s.gitID = unguessable("git")
	}
}

// resolve is where git goes for a repository, if that is one that can be built from.
func resolve(ctx context.Context, git usergit.Git, repository string) (usergit.Remote, error) {
	remote, err := git.Resolve(ctx, repository)
	if err == nil && remote.URL != repository {
		_, err = frontend.ParseOptions(map[string]string{"repository": remote.URL})
		err = errors.Wrap(err, "url.<base>.insteadOf of your git")
	}
	return remote, errors.Wrapf(err, "repository %s", repository)
}

// unguessable is an id for what must not be asked for by those that aren't told it.
func unguessable(what string) string { return "lambdabase-" + what + "-" + rand.Text() }

// httpURL is nil for an SSH remote, and for none.
func httpURL(address string) *url.URL {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil
	}
	return u
}

// hasForRepository tells whether the user names a secret for the repository's host, which goes before what git knows:
// BuildKit would take the header first.
func (s *secretStore) hasForRepository(host string) bool {
	return s.hasForHost(host) || s.isNamed(secrets.GitHeader) || s.isNamed(secrets.GitToken)
}

func (s *secretStore) hasForHost(host string) bool {
	return s.isNamed(secrets.GitHeader+"."+host) || s.isNamed(secrets.GitToken+"."+host)
}

func (s *secretStore) isNamed(id string) bool {
	_, ok := s.namedSource(id)
	return ok
}

// letsIn tells whether a server answers who sends the header, as git itself would find out. A credential follows no
// redirect.
func (s *secretStore) letsIn(ctx context.Context, address, header string) bool {
	client := &http.Client{Transport: s.transport, Timeout: idle}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return true
	}
	if header != "" {
		req.Header.Set("Authorization", header)
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	res, err := client.Do(req)
	if err != nil {
		return true // the build will say what is wrong
	}
	res.Body.Close()
	return res.StatusCode < 400
}

func isSSH(repository string) bool {
	_, is, err := gitssh.ParseRemote(repository)
	return is && err == nil
}

// gitKnows asks git now.
func (s *secretStore) gitKnows() bool {
	for _, known := range s.git {
		if known() != "" {
			return true
		}
	}
	return false
}
