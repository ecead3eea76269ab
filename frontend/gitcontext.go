package frontend

import (
	"cmp"
	"context"
	"net/url"
	"path"
	"strings"

	"lambdabase/internal/gitssh"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerfile/dfgitutil"
	"github.com/pkg/errors"
)

// resolveGitContext takes repository, commit, tree and recipe of a context that is a URL of git. BuildKit's own checkout of it may be
// another than the commit's (see lambda2llb.Tree), and with a directory of it can't be had with its .git: so that is only
// asked whether there may be a recipe.
func (c *checkout) resolveGitContext(ctx context.Context) error {
	ref, isGit := c.gitContext()
	if !isGit {
		return nil
	}
	opts := c.bc.BuildOpts().Opts
	if err := c.setRemote(ref); err != nil {
		return errors.Wrap(err, "invalid build context")
	}
	commit, err := c.resolve(ctx, "commit of the context", func(more ...llb.GitOption) llb.State {
		return llb.Git(c.Repository, "", c.gitOptions(append(more, gitRefOptions(ref)...)...)...)
	})
	if err != nil {
		return errors.Wrapf(c.repositoryError(err), "commit of the context %s", c.Repository)
	}
	t, created, err := c.loadTree(ctx, commit)
	if err != nil {
		return err
	}
	c.commit, c.tree, c.created, c.buildContext = commit, t, created, c.request.treeState(commit)
	c.dir = repositoryPath(ref.SubDir, opts["contextsubdir"])
	if opts["dockerfilekey"] == "" {
		c.readRecipe(ctx, repositoryPath(ref.SubDir, c.file.Path))
	}
	return nil
}

// gitContext is the build context as BuildKit reads it, if it is a URL of git.
func (r *request) gitContext() (*dfgitutil.GitRef, bool) {
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

// setRemote takes the context's repository as option repository would be taken.
func (c *checkout) setRemote(ref *dfgitutil.GitRef) error {
	remote := ref.Remote
	if ref.IndistinguishableFromLocal {
		remote = "https://" + remote // as BuildKit does
	}
	var named Options
	if err := setRepository(&named, remote); err != nil {
		return err
	}
	if c.repositoryGiven && !sameRepository(c.Repository, named.Repository) {
		return errors.Errorf("it is of %s, and option repository says %s: leave out the option, or build from the one it names", named.Repository, c.Repository)
	}
	return c.setRepository(named.Repository)
}

// readRecipe reads the Dockerfile anew, from the commit's own tree. BuildKit reads one in small letters, too.
func (c *checkout) readRecipe(ctx context.Context, name string) {
	for _, name := range []string{name, path.Join(path.Dir(name), strings.ToLower(path.Base(name)))} {
		if dt, err := c.tree.readFile(ctx, name, maxTextSize); err == nil {
			c.file.Data = dt
			return
		}
	}
}

// repositoryPath is a path in the repository, which none leads out of.
func repositoryPath(dir, name string) string {
	return strings.TrimPrefix(path.Join("/", dir, name), "/")
}

// sameRepository tells two spellings of one repository from two repositories.
func sameRepository(a, b string) bool { return canonicalRepository(a) == canonicalRepository(b) }

func canonicalRepository(repository string) string {
	scheme, host, name := "ssh", "", ""
	if remote, isSSH, err := gitssh.ParseRemote(repository); isSSH && err == nil {
		host, name = remote.User+"@"+strings.TrimSuffix(remote.Host, ":22"), remote.Path
	} else if u, err := url.Parse(repository); err == nil {
		port := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
		scheme, host, name = u.Scheme, strings.ToLower(strings.TrimSuffix(u.Host, port)), u.Path
	}
	return scheme + "://" + host + "/" + strings.TrimSuffix(strings.Trim(name, "/"), ".git")
}
