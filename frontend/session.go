package frontend

import (
	"context"
	"strings"

	"lambdabase/internal/catalog"
	"lambdabase/internal/document"
	"lambdabase/internal/mirror"
	"lambdabase/internal/secrets"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
)

// Session is what is known of the client's session, where the client runs the frontend itself. The zero value is any
// client's.
type Session struct {
	// GitSecret and SSHAgent, if not empty, are the ids under which the session has what the user's git and SSH agent
	// know: in place of GIT_AUTH_HEADER, with the host behind it, and of "default". BuildKit hands out whatever a RUN of
	// the user's Dockerfile names. So these ids are secret, and named by the frontend's own git sources and steps alone. They
	// are in the cache key of such a step, which is run anew with others: a client of runtimes has none.
	GitSecret, SSHAgent string
	// HasSecret tells whether the session has a secret; nil if that isn't known. Looking for one that it hasn't got takes
	// BuildKit long where another client of the daemon hangs, and fails then.
	HasSecret func(id string) bool
	// Remote is where the user's git goes for a repository (url.<base>.insteadOf); nil: there.
	Remote func(repository string) (string, error)
	// OpenLayout opens an OCI layout, the blobs of which the session has as the store mirror.StoreID; nil: the client has none.
	OpenLayout func(ctx context.Context, dir string) (Layout, error)
}

// Layout is a mirror in an OCI layout, which the client reads itself. What it doesn't have is an error that ends in "not found".
type Layout interface {
	// Snapshot returns the snapshot of a tag, verified, and the digest of its manifest.
	Snapshot(ctx context.Context, tag string) (*document.Snapshot, digest.Digest, error)
	Runtimes(ctx context.Context) ([]catalog.Runtime, error)
	Close() error
}

// setRemote has the repository be the one that the user's git goes to.
func (s Session) setRemote(opts *Options) error {
	if s.Remote == nil || mirror.IsLocation(opts.Repository) {
		return nil
	}
	remote, err := s.Remote(opts.Repository)
	if err != nil || remote == opts.Repository {
		return err
	}
	opts.repositoryNamed = opts.Repository
	return errors.Wrapf(setRepository(opts, remote), "repository %s", remote)
}

// supportedBy returns the session as a daemon can use it. One that asks for secrets of git by their own names only can't keep them from
// a RUN: there the user has to name them, as the error of git says.
func (s Session) supportedBy(caps *apicaps.CapSet) Session {
	if caps.Supports(pb.CapSourceGitHTTPAuth) != nil {
		s.GitSecret = ""
	}
	if caps.Supports(pb.CapSourceGitMountSSHSock) != nil {
		s.SSHAgent = ""
	}
	return s
}

// gitOptions are the options of a git source that name what the session has.
func (s Session) gitOptions() (opts []llb.GitOption) {
	if s.GitSecret != "" {
		opts = append(opts, llb.AuthHeaderSecret(s.GitSecret))
	}
	if s.SSHAgent != "" {
		opts = append(opts, llb.MountSSHSock(s.SSHAgent))
	}
	return opts
}

// stepSecrets returns those that a step mounts, of the ones that it can use.
func (s Session) stepSecrets(ids []string) (found []lambda2llb.Secret) {
	for _, id := range ids {
		if s.HasSecret != nil && !s.HasSecret(id) {
			continue
		}
		secret := lambda2llb.Secret{Name: id, ID: id}
		if host, ok := strings.CutPrefix(id, secrets.GitHeader); ok && s.GitSecret != "" {
			secret.ID = s.GitSecret + host
		}
		found = append(found, secret)
	}
	return found
}
