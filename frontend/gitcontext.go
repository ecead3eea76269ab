package frontend

import (
	"cmp"
	"context"
	"path"
	"strings"
	"time"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerfile/dfgitutil"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// gitContext is a build context that is a URL of git.
type gitContext struct {
	repo    remote
	commit  string
	created time.Time
	tree    *tree
	dir     string // of the repository, that the context is
	recipe  []byte // nil: not in the repository
}

// resolveGitContext finds repository, commit, tree and recipe of a context that is a URL of git; nil if it is none. BuildKit's own
// checkout of it may be another than the commit's (see lambda2llb.Tree), and with a directory of it can't be had with its .git: so
// that is only asked whether there may be a recipe.
func (r *request) resolveGitContext(ctx context.Context, dockerfile string) (*gitContext, error) {
	ref, isGit := r.parseGitContext()
	if !isGit {
		return nil, nil
	}
	repo, err := r.contextRemote(ref)
	if err != nil {
		return nil, errors.Wrap(err, "invalid build context")
	}
	commit, err := r.resolve(ctx, repo, "commit of the context", func(more ...llb.GitOption) llb.State {
		return llb.Git(repo.url, "", r.gitOptions(repo, append(more, gitRefOptions(ref)...)...)...)
	})
	if err != nil {
		return nil, errors.Wrapf(r.repositoryError(err, repo), "commit of the context %s", repo.url)
	}
	g := &gitContext{repo: repo, commit: commit}
	if g.tree, err = r.loadTree(ctx, repo, commit); err != nil {
		return nil, err
	}
	g.created, err = r.createdAt(ctx, func(ctx context.Context) (time.Time, error) { return g.tree.commitDate(ctx, commit) })
	if err != nil {
		return nil, err
	}
	opts := r.bc.BuildOpts().Opts
	g.dir = repositoryPath(ref.SubDir, opts["contextsubdir"])
	if opts["dockerfilekey"] == "" {
		g.recipe = readContextFile(ctx, g.tree, repositoryPath(ref.SubDir, dockerfile))
	}
	return g, nil
}

// parseGitContext returns the build context as BuildKit reads it, if it is a URL of git.
func (r *request) parseGitContext() (*dfgitutil.GitRef, bool) {
	opts := r.bc.BuildOpts().Opts
	ref, isGit, err := dfgitutil.ParseGitRef(opts[cmp.Or(opts["contextkey"], "context")])
	return ref, isGit && err == nil
}

// gitRefOptions is what of the repository a context asks for.
func gitRefOptions(ref *dfgitutil.GitRef) []llb.GitOption {
	opts := []llb.GitOption{llb.GitRef(ref.Ref)}
	if ref.Checksum != "" {
		opts = append(opts, llb.GitChecksum(ref.Checksum))
	}
	if ref.FetchByCommit {
		opts = append(opts, llb.GitFetchByCommit())
	}
	return opts
}

// contextRemote takes the context's repository as option repository would be taken.
func (r *request) contextRemote(ref *dfgitutil.GitRef) (remote, error) {
	address := ref.Remote
	if ref.IndistinguishableFromLocal {
		address = "https://" + address // as BuildKit does
	}
	var named Options
	if err := setRepository(&named, address); err != nil {
		return remote{}, err
	}
	if r.repositoryGiven && !r.remote.isMirror() && !sameRepository(r.Repository, named.Repository) {
		return remote{}, errors.Errorf("it is of %s, and option repository says %s: leave out the option, or build from the one it names", named.Repository, r.Repository)
	}
	return newRemote(named.Repository, r.KnownHosts)
}

// readContextFile reads the Dockerfile anew, from the commit's own tree. BuildKit reads one in small letters, too.
func readContextFile(ctx context.Context, t *tree, name string) []byte {
	for _, name := range []string{name, path.Join(path.Dir(name), strings.ToLower(path.Base(name)))} {
		if dt, err := t.readFile(ctx, name, maxTextSize); err == nil {
			return dt
		}
	}
	return nil
}

// repositoryPath is a path in the repository, which none leads out of.
func repositoryPath(dir, name string) string {
	return strings.TrimPrefix(path.Join("/", dir, name), "/")
}

// loadGitContext gets a build context that is a URL of git, before anything waits for it without a limit. One that can't be had is
// an error here, in the words of BuildKit's Dockerfile frontend: to ask for it again would have BuildKit panic (see
// resolveSource).
func (f Frontend) loadGitContext(ctx context.Context, bc *dockerui.Client, opts Options) error {
	r := &request{bc: bc, client: bc.GatewayClient(), gitTimeout: cmp.Or(f.GitTimeout, gitTimeout), gitActivity: f.GitActivity}
	ref, isGit := r.parseGitContext()
	raw := bc.BuildOpts().Opts
	if call, _ := subrequestOf(raw); !isGit || !needsContext(opts, raw) || call == subrequests.RequestSubrequestsDescribe {
		return nil
	}
	st, err := bc.MainContext(ctx)
	if err != nil {
		return nil
	}
	_, err = whileResponsive(ctx, r, ref.Remote, func(ctx context.Context) (gateway.Reference, error) {
		return r.solve(ctx, *st, ocispecs.Platform{}, true)
	})
	if isTimeout(err) {
		return errors.Wrap(err, "build context from git")
	}
	return errors.Wrap(err, "failed to read dockerfile")
}
