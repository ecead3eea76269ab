package frontend

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"

	"lambdabase/internal/document"
	"lambdabase/internal/panics"
	"lambdabase/internal/printable"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// lockedContents are what a lock file says of a runtime.
type lockedContents struct {
	documentContents
	repo remote
	step digest.Digest // that tells of it
}

// lockedSnapshot returns what the lock file says of a runtime; nil where there is no lock file. What it doesn't say is outside
// it, and an error.
func (r *request) lockedSnapshot(ctx context.Context, runtime, commit string) (*lockedContents, error) {
	lock, err := r.readLock(ctx)
	if lock == nil || err != nil {
		return nil, err
	}
	locked := lock.Find(runtime)
	if locked == nil && len(lock.Snapshots) == 0 {
		return nil, errors.Errorf("%s locks no runtime: add this one (lambdabase lock --update %s), restore the file, or give lock=none", r.lockName(), runtime)
	}
	if locked == nil {
		return nil, errors.Errorf("%s has no runtime %s, it has %s: add it (lambdabase lock --update %s), or give lock=none",
			r.lockName(), runtime, strings.Join(lock.Runtimes(), ", "), runtime)
	}
	if commit != "" && commit != locked.Commit {
		return nil, errors.Errorf("%s: %s.commit: runtime %s is locked to commit %s, and %s is asked for: change one of them, or give lock=none",
			r.lockName(), lock.Field(runtime), runtime, locked.Commit, commit)
	}
	repo, err := r.lockedRemote(locked)
	if err != nil {
		return nil, errors.Wrapf(err, "%s: %s.repository", r.lockName(), lock.Field(runtime))
	}
	step := r.show(ctx, "obey", fmt.Sprintf("%s: %s is commit %s", r.lockName(), locked.Runtime, locked.Commit))
	return &lockedContents{documentContents{locked, r.lockName()}, repo, step}, nil
}

// lockedRemote is the repository that the user names, which may be a mirror, or else the one that the snapshot is of.
func (r *request) lockedRemote(locked *document.Snapshot) (remote, error) {
	if r.repositoryGiven {
		return r.remote, nil
	}
	opts := Options{}
	if err := setRepository(&opts, locked.Repository); err != nil {
		return remote{}, err
	}
	if err := r.session.setRemote(&opts); err != nil {
		return remote{}, err
	}
	repo, err := newRemote(opts.Repository, r.KnownHosts)
	repo.locked = repo.host() != r.remote.host()
	return repo, err
}

// readLock reads the lock file of the build context, once; nil where there is none, or it isn't to be read.
func (r *request) readLock(ctx context.Context) (*document.Lock, error) {
	if r.Lock == LockNone {
		return nil, nil
	}
	return r.lock.Do(ctx, "", func(ctx context.Context) (*document.Lock, error) {
		return panics.Recover(func() (*document.Lock, error) { return r.loadLock(ctx, cmp.Or(r.Lock, document.LockName)) })
	})
}

func (r *request) loadLock(ctx context.Context, name string) (*document.Lock, error) {
	dt, err := r.readFromContext(ctx, name)
	if errors.Is(err, os.ErrNotExist) && r.Lock == "" {
		return nil, nil
	}
	if err != nil {
		return nil, errors.Wrapf(err, "lock file %s", name)
	}
	return document.ParseLock(printable.Name(name), dt)
}

// lockName is the lock file's, as it is shown.
func (r *request) lockName() string { return printable.Name(cmp.Or(r.Lock, document.LockName)) }

// readFromContext reads a file of the build context, and nothing else of it. Where it has no such file, or there is no build
// context, the error is os.ErrNotExist.
func (r *request) readFromContext(ctx context.Context, name string) ([]byte, error) {
	st, err := r.contextFile(ctx, name)
	if err != nil {
		return nil, err
	}
	ref, err := r.solve(ctx, *st, ocispecs.Platform{}, true)
	if err != nil && errorContains(err, "no local sources enabled", "no access allowed to dir") {
		return nil, errors.Wrap(os.ErrNotExist, "there is no build context")
	}
	if err != nil {
		return nil, err
	}
	t := &tree{ref: ref}
	if found, err := t.lookup(ctx, name); err != nil || found == nil {
		return nil, cmp.Or(err, errors.Wrap(os.ErrNotExist, "it isn't in the build context"))
	}
	return t.readFile(ctx, name, document.MaxSize)
}

// contextFile is the build context, as far as one file of it goes where it is the client's. Its .dockerignore says what an image
// may have.
func (r *request) contextFile(ctx context.Context, name string) (*llb.State, error) {
	isLocal, err := r.isContextLocal(ctx)
	if err != nil {
		return nil, err
	}
	if !isLocal {
		return r.bc.MainContext(ctx)
	}
	opts := r.bc.BuildOpts().Opts
	session := cmp.Or(opts["local-sessionid:"+dockerui.DefaultLocalNameContext], r.bc.BuildOpts().SessionID)
	st := llb.Local(dockerui.DefaultLocalNameContext, llb.SessionID(session), llb.FollowPaths([]string{name}), llb.SharedKeyHint("lambdabase-lock"),
		llb.WithCustomNamef("[internal] load %s, if there is one", printable.Name(name)), llb.Differ(llb.DiffNone, false))
	return &st, nil
}

// isContextLocal tells a build context that is the client's folder from a URL, and from what a client solves itself: buildx does
// for a bake file of a repository (frontend/dockerui/context.go of BuildKit v0.33.1).
func (r *request) isContextLocal(ctx context.Context) (bool, error) {
	opts := r.bc.BuildOpts()
	address := opts.Opts[cmp.Or(opts.Opts["contextkey"], dockerui.DefaultLocalNameContext)]
	if _, isGit, _ := dockerui.DetectGitContext(address, nil); isGit {
		return false, nil
	}
	if _, _, isHTTP := dockerui.DetectHTTPContext(address); isHTTP {
		return false, nil
	}
	if opts.Caps.Supports(gatewaypb.CapFrontendInputs) != nil {
		return true, nil
	}
	inputs, err := r.client.Inputs(ctx)
	_, isInput := inputs[dockerui.DefaultLocalNameContext]
	return !isInput, errors.Wrap(err, "build context")
}
