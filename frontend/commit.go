package frontend

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"lambdabase/internal/catalog"
	"lambdabase/internal/gitssh"
	"lambdabase/internal/panics"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// resolveHead returns the commit of a runtime's branch.
func (r *request) resolveHead(ctx context.Context, repo remote, runtime string) (string, error) {
	commit, err := r.resolve(ctx, repo, "branch "+runtime, func(opts ...llb.GitOption) llb.State {
		return lambda2llb.Branch(repo.url, runtime, r.gitOptions(repo, opts...)...)
	})
	if err != nil {
		return "", r.branchError(ctx, err, repo, runtime)
	}
	return commit, nil
}

// resolve is the commit that a source means. The daemon asks the repository, with the user's credentials.
func (r *request) resolve(ctx context.Context, repo remote, what string, source func(...llb.GitOption) llb.State) (string, error) {
	return whileResponsive(ctx, r, repo.url, func(ctx context.Context) (string, error) { return r.resolveSource(ctx, what, source) })
}

func (r *request) resolveSource(ctx context.Context, what string, source func(...llb.GitOption) llb.State) (string, error) {
	op, err := sourceOp(ctx, source())
	if err != nil {
		return "", err
	}
	// Never twice in one build: BuildKit keeps that it failed as a nil, and the daemon panics when it is asked again
	// (source/git/source.go:617 of v0.33.1).
	return r.commits.Do(ctx, op.Identifier, func(ctx context.Context) (string, error) {
		return panics.Recover(func() (string, error) { return r.resolveOp(ctx, op, what, source) })
	})
}

func (r *request) resolveOp(ctx context.Context, op *pb.SourceOp, what string, source func(...llb.GitOption) llb.State) (string, error) {
	meta, err := r.client.ResolveSourceMetadata(ctx, op, sourceresolver.Opt{LogName: "resolve " + what})
	if err != nil {
		return "", err
	}
	if meta.Git != nil { // where a ref is an annotated tag, the checksum is the tag's
		return cmp.Or(meta.Git.CommitChecksum, meta.Git.Checksum), nil
	}
	return r.resolveHeadByCheckout(ctx, what, source(llb.KeepGitDir(), llb.WithCustomName("resolve "+what)))
}

// resolveHeadByCheckout is for BuildKit before v0.26, which answers for a git source with neither metadata nor an error.
func (r *request) resolveHeadByCheckout(ctx context.Context, what string, st llb.State) (string, error) {
	ref, err := r.solve(ctx, st, ocispecs.Platform{}, true)
	if err != nil {
		return "", err
	}
	name := "HEAD"
	for range 2 { // HEAD is the commit, or names the ref that is
		dt, err := ref.ReadFile(ctx, gateway.ReadRequest{Filename: ".git/" + name})
		if err != nil {
			return "", errors.Wrapf(err, "commit of %s", what)
		}
		text := strings.TrimSpace(string(dt))
		if catalog.IsCommit(text) {
			return text, nil
		}
		name = strings.TrimPrefix(text, "ref: ")
	}
	return "", errors.Errorf("commit of %s: .git/HEAD names none", what)
}

func (r *request) branchError(ctx context.Context, err error, repo remote, runtime string) error {
	if !errorContains(err, "does not contain ref", "couldn't find remote ref") {
		return errors.Wrapf(r.repositoryError(err, repo), "branch %s of %s", runtime, repo.url)
	}
	if !repo.isSSH() && r.hasNoBranches(ctx, repo) {
		return errors.Errorf("no runtime %s: %s has no branches at all: it asks to sign in, and answers with a page in the place of a repository, or is empty (%s)",
			runtime, repo.url, r.secretHint(repo))
	}
	msg := fmt.Sprintf("no runtime %s: %s has no such branch", runtime, repo.url)
	if near := catalog.Nearest(runtime); len(near) > 0 {
		msg += fmt.Sprintf(" (did you mean %s? the call lambda.runtimes and lambdabase list name those that are there)", strings.Join(near, ", "))
	}
	return errors.New(msg)
}

// hasNoBranches tells a repository in which git finds no branch. A page to sign in is one, without an error: git takes it for a list of
// none. Most have a default branch, which is asked for first: of a pattern, BuildKit tells what git found in its error alone, and
// that is on the user's screen.
func (r *request) hasNoBranches(ctx context.Context, repo remote) bool {
	_, err := r.resolve(ctx, repo, "default branch", func(opts ...llb.GitOption) llb.State {
		return llb.Git(repo.url, "", r.gitOptions(repo, opts...)...)
	})
	if err == nil {
		return false
	}
	_, err = r.resolve(ctx, repo, "branches", func(opts ...llb.GitOption) llb.State {
		return lambda2llb.Branch(repo.url, "*", r.gitOptions(repo, opts...)...)
	})
	return err != nil && errorContains(err, `does not contain ref refs/heads/*, output: ""`)
}

// repositoryError is an error of git with what to do where the repository let nobody in. Which secret git was given is not
// known: BuildKit chooses.
func (r *request) repositoryError(err error, repo remote) error {
	switch isSSH := repo.isSSH(); {
	case isSSH && errorContains(err, "no SSH key", "unset ssh forward key"):
		return errors.Wrap(err, "forward an SSH agent: --ssh default")
	case isSSH && errorContains(err, "ssh: not found", "ssh: command not found", "cannot run ssh"):
		return errors.Wrap(err, "the BuildKit daemon has no ssh: install openssh-client where buildkitd runs")
	case isSSH && errorContains(err, "REMOTE HOST IDENTIFICATION HAS CHANGED", "Host key verification failed"):
		return errors.Wrap(err, "the host key is not the one that is known: either "+gitssh.ChangedKeyHint)
	case isSSH && errorContains(err, "Permission denied", "ot found"):
		return errors.Wrap(err, "the repository isn't there, or no key of the SSH agent (--ssh default) may read it")
	case errorContains(err, "could not read Username", "Authentication failed", "' not found", "returned error: 403"):
		return errors.Wrapf(err, "the repository isn't there, or is private (%s)", r.secretHint(repo))
	case errorContains(err, "unable to update url base from redirection", "Cannot obtain needed object"): // git's, of a page
		return errors.Wrapf(err, "it asks to sign in, or is no repository (%s)", r.secretHint(repo))
	}
	return err
}

func (r *request) secretHint(repo remote) string {
	lineBreak := ""
	if r.session.HasSecret == nil { // the command takes it off
		lineBreak = ", perhaps for a line break at its end, which BuildKit's git sends along"
	}
	return fmt.Sprintf("pass a token as the secret GIT_AUTH_TOKEN or GIT_AUTH_TOKEN.%s; if one was passed, it was refused%s", repo.host(), lineBreak)
}

// ErrCommitGone is the cause of an error of a commit that its repository, or the mirror, doesn't have.
var ErrCommitGone = errors.New("no such commit")

func (r *request) commitError(err error, repo remote, commit string) error {
	if errorContains(err, "Cannot switch branch to a non-commit", "reference is not a tree: FETCH_HEAD") {
		return errors.Errorf("%s is in %s, but is no commit: it is the id of a folder or a file, as git has them; give the full id of a commit", commit, repo.url)
	}
	// The last is what a checkout with .git says: BuildKit asks for the type at first (v0.33.1, source/git/source.go:1226).
	if !errorContains(err, "reference is not a tree", "not our ref", "couldn't find remote ref", "unadvertised object", "bad object", "no such remote ref",
		"could not get object info") {
		return errors.Wrapf(r.repositoryError(err, repo), "commit %s of %s", commit, repo.url)
	}
	return &withMessage{cause: ErrCommitGone, msg: fmt.Sprintf("commit %s is not in %s: upstream replaces a branch's history with each publication and drops the old one; "+
		"leave out the commit for the branch's head, or build from a mirror that kept it", commit, repo.url)}
}

// gitOptions are options of every git source of a repository.
func (r *request) gitOptions(repo remote, opts ...llb.GitOption) []llb.GitOption {
	opts = append(opts, r.session.gitOptions()...)
	if repo.isSSH() {
		opts = append(opts, llb.KnownSSHHosts(repo.hostKeys))
	}
	return opts
}
