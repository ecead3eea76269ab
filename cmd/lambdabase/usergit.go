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
	"lambdabase/internal/printable"
	"lambdabase/internal/secrets"
	"lambdabase/internal/usergit"

	"github.com/pkg/errors"
)

// probeLimit is how long a repository may take to tell whom it lets in, before it is left to the build to find out.
const probeLimit = 5 * time.Second

// loadGit is the user's git, which says what it waits for.
func loadGit(ctx context.Context) usergit.Git {
	git := usergit.Load(ctx)
	git.Notice = func(text string) { fmt.Fprintln(os.Stderr, printable.Name(text)) }
	return git
}

// useGit has the store know what the user's git has for a repository and for the server of its objects, if that is another
// one. Each is sent to its own host only, and git is asked when it is first needed. Secrets that the user names go before.
func (s *secretStore) useGit(ctx context.Context, git usergit.Git, remote usergit.Remote, server string) {
	at, there := httpURL(remote.URL), httpURL(server)
	if at != nil {
		s.useForRepository(ctx, git, remote, at)
	}
	if there != nil && (at == nil || at.Host != there.Host) && s.firstNamed(secrets.HostIDs(there.Host)) == "" && git.Knows(ctx, there, nil) {
		s.git[there.Host] = sync.OnceValue(func() string {
			return git.Authorization(ctx, there, nil, func(header string) bool { return header != "" })
		})
	}
	if len(s.git) > 0 && !s.noRun {
		s.gitID = unguessable("git")
	}
}

// useForRepository has BuildKit's git get a secret that the user names for it also where that one spells the host in a way
// that BuildKit doesn't look for: without the port, or in lower case.
func (s *secretStore) useForRepository(ctx context.Context, git usergit.Git, remote usergit.Remote, u *url.URL) {
	switch named := s.firstNamed(secrets.GitIDs(u.Host)); {
	case named == "" && git.Knows(ctx, u, remote.User):
		probe := githttp.NewProbe(u, s.transport, probeLimit)
		s.git[u.Host] = sync.OnceValue(func() string {
			return git.Authorization(ctx, u, remote.User, func(header string) bool { return probe.LetsIn(ctx, header) })
		})
	case named != "" && !slices.Contains(secrets.BuildKitGitIDs(u.Host), named):
		s.git[u.Host] = func() string {
			value, _ := lfsstore.Credentials(remote.URL, s.namedSource).Authorization(u)
			return value
		}
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

// firstNamed is the first of the ids that the user names a secret by; empty if there is none.
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
