package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"

	"lambdabase/frontend"
	"lambdabase/internal/githttp"
	"lambdabase/internal/gitssh"
	"lambdabase/internal/lfsstore"
	"lambdabase/internal/mirror"
	"lambdabase/internal/printable"
	"lambdabase/internal/secrets"
	"lambdabase/internal/usergit"

	"github.com/pkg/errors"
)

// probeTimeout is how long a repository may take to tell whom it lets in, before it is left to the build to find out.
const probeTimeout = 5 * time.Second

// loadGit returns the user's git, which says what it waits for.
func loadGit(ctx context.Context) usergit.Git {
	git := usergit.Load(ctx)
	git.Notice = func(text string) { fmt.Fprintln(os.Stderr, printable.Name(text)) }
	return git
}

// addGitCredentials has the store know what the user's git has for a repository and for the server of its objects, if that is
// another one. Each is sent to its own host only, and git is asked when it is first needed. Secrets that the user names go
// before.
func (s *secretStore) addGitCredentials(ctx context.Context, git usergit.Git, remote usergit.Remote, server string) {
	repositoryURL, serverURL := httpURL(remote.URL), httpURL(server)
	if repositoryURL != nil {
		s.addRepositoryCredentials(ctx, git, remote, repositoryURL)
	}
	if serverURL != nil && (repositoryURL == nil || repositoryURL.Host != serverURL.Host) && s.firstNamed(secrets.HostIDs(serverURL.Host)) == "" && git.Knows(ctx, serverURL, nil) {
		s.gitAuth[serverURL.Host] = sync.OnceValue(func() string {
			return git.Authorization(ctx, serverURL, nil, func(header string) bool { return header != "" })
		})
	}
	if len(s.gitAuth) > 0 && !s.noRun {
		s.gitSecretID = randomID("git")
	}
}

// addRepositoryCredentials has BuildKit's git get a secret that the user names for it also where that one spells the host in
// a way that BuildKit doesn't look for: without the port, or in lower case.
func (s *secretStore) addRepositoryCredentials(ctx context.Context, git usergit.Git, remote usergit.Remote, u *url.URL) {
	switch named := s.firstNamed(secrets.GitIDs(u.Host)); {
	case named == "" && git.Knows(ctx, u, remote.User):
		probe := githttp.NewProbe(u, s.transport, probeTimeout)
		s.gitAuth[u.Host] = sync.OnceValue(func() string {
			return git.Authorization(ctx, u, remote.User, func(header string) bool { return probe.Accepts(ctx, header) })
		})
	case named != "" && !slices.Contains(secrets.BuildKitGitIDs(u.Host), named):
		s.gitAuth[u.Host] = func() string {
			value, _ := lfsstore.Credentials(remote.URL, s.namedSource).Authorization(u)
			return value
		}
	}
}

// resolveRemote returns where git goes for a repository, if that is one that can be built from.
// Of a mirror git knows nothing.
func resolveRemote(ctx context.Context, git usergit.Git, repository string) (usergit.Remote, error) {
	if mirror.IsLocation(repository) {
		return usergit.Remote{}, nil
	}
	remote, err := git.Resolve(ctx, repository)
	if err == nil && remote.URL != repository {
		_, err = frontend.ParseOptions(map[string]string{"repository": remote.URL})
		err = errors.Wrap(err, "url.<base>.insteadOf of your git")
	}
	return remote, errors.Wrapf(err, "repository %s", repository)
}

// randomID returns an id for what must not be asked for by those that aren't told it.
func randomID(what string) string { return "lambdabase-" + what + "-" + rand.Text() }

// httpURL returns nil for an SSH remote, and for none.
func httpURL(address string) *url.URL {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil
	}
	return u
}

// firstNamed returns the first of the ids that the user names a secret by; empty if there is none.
func (s *secretStore) firstNamed(ids []string) string {
	if i := slices.IndexFunc(ids, s.isNamed); i >= 0 {
		return ids[i]
	}
	return ""
}

func (s *secretStore) isNamed(id string) bool {
	_, ok := s.namedSource(id)
	return ok
}

func isSSH(repository string) bool {
	_, ok, err := gitssh.ParseRemote(repository)
	return ok && err == nil
}

// hasGitCredentials reports whether git has any, which is asked now.
func (s *secretStore) hasGitCredentials() bool {
	for _, authHeader := range s.gitAuth {
		if authHeader() != "" {
			return true
		}
	}
	return false
}
