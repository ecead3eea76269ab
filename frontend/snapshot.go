package frontend

import (
	"context"
	"fmt"
	"time"

	"lambdabase/internal/catalog"
	"lambdabase/internal/document"
	"lambdabase/internal/lfs"
	"lambdabase/internal/recipe"
	"lambdabase/llb/lambda2llb"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// snapshot is one commit of the repository, as far as it says something of a runtime.
type snapshot struct {
	*request
	contents
	repo    remote
	runtime string
	commit  string
	created time.Time // SOURCE_DATE_EPOCH, or the commit's date
	source  lfs.ObjectSource
	lock    string // lock file that it is of; empty: of none

	step     digest.Digest     // that a user sees of it
	mirrored *mirroredContents // nil: it is of no mirror
}

// newSnapshot returns that of the lock file, if there is one, or else loads the one of the branch's head or of the commit that
// is given: once for all platforms.
func (r *request) newSnapshot(ctx context.Context, repo remote, runtime, commit string) (*snapshot, error) {
	locked, err := r.lockedSnapshot(ctx, runtime, commit)
	if err != nil {
		return nil, err
	}
	if locked == nil {
		return r.loadSnapshot(ctx, repo, runtime, commit)
	}
	snap, err := r.openSnapshot(ctx, locked.repo, runtime, locked.Commit, locked)
	if err != nil {
		return nil, err
	}
	snap.step, snap.lock = locked.step, locked.name
	return snap, nil
}

// loadSnapshot asks the repository, or the mirror.
func (r *request) loadSnapshot(ctx context.Context, repo remote, runtime, commit string) (*snapshot, error) {
	if repo.isMirror() {
		return r.loadMirrored(ctx, repo, runtime, commit)
	}
	var err error
	isHead := commit == ""
	if isHead {
		if commit, err = r.resolveHead(ctx, repo, runtime); err != nil {
			return nil, err
		}
	}
	t, err := r.loadTree(ctx, repo, commit)
	if err != nil {
		return nil, err
	}
	step, _ := vertexDigest(ctx, r.treeState(repo, commit))
	if !isHead {
		commit = t.resolveTag(ctx, commit)
	}
	snap, err := r.openSnapshot(ctx, repo, runtime, commit, &treeContents{tree: t, runtime: runtime, commit: commit})
	if err != nil {
		return nil, err
	}
	snap.step = step
	return snap, nil
}

func (r *request) loadMirrored(ctx context.Context, repo remote, runtime, commit string) (*snapshot, error) {
	c, err := r.readMirrored(ctx, repo.mirror, runtime, commit)
	if err != nil {
		return nil, err
	}
	snap, err := r.openSnapshot(ctx, repo, runtime, c.Commit, c)
	if err != nil {
		return nil, err
	}
	snap.step, snap.mirrored = c.step, c
	return snap, nil
}

func (r *request) openSnapshot(ctx context.Context, repo remote, runtime, commit string, c contents) (*snapshot, error) {
	created, err := r.createdAt(ctx, c.date)
	return &snapshot{request: r, contents: c, repo: repo, runtime: runtime, commit: commit, created: created, source: r.objectSource(repo)}, err
}

// repository is the one of git that the snapshot is of, for others to read: not where this user's git goes for it.
func (s *snapshot) repository() string {
	switch {
	case s.lock != "" || s.repo.isMirror():
		return s.originalRepository()
	case s.repo == s.remote && s.repositoryNamed != "":
		return s.repositoryNamed
	}
	return s.repo.url
}

// loadTree gets the commit's tree.
func (r *request) loadTree(ctx context.Context, repo remote, commit string) (*tree, error) {
	ref, err := whileResponsive(ctx, r, repo.url, func(ctx context.Context) (gateway.Reference, error) {
		return r.solve(ctx, r.treeState(repo, commit), ocispecs.Platform{}, true)
	})
	if err != nil {
		return nil, r.commitError(err, repo, commit)
	}
	return &tree{ref: ref}, nil
}

// plan is what the snapshot says of one platform.
func (s *snapshot) plan(ctx context.Context, platform ocispecs.Platform) (*lambda2llb.Plan, error) {
	content, err := s.platform(ctx, platform)
	if err != nil {
		return nil, err
	}
	return s.planOf(ctx, platform, content)
}

func (s *snapshot) planOf(ctx context.Context, platform ocispecs.Platform, content *document.Platform) (*lambda2llb.Plan, error) {
	file := lambda2llb.File{Path: content.Recipe.Path, Data: []byte(content.Recipe.Text)}
	rec, err := recipe.Parse(ctx, file.Path, file.Data, platform)
	if err != nil {
		return nil, wrapSource(err, file)
	}
	p := &lambda2llb.Plan{
		Runtime: s.runtime, Repository: s.repository(), Commit: s.commit, Created: s.created,
		Platform: platform, Recipe: file, Workdir: rec.Workdir, Config: rec.Image, LFSServer: s.source.Server, Labels: s.imageLabels(), Lock: s.lock,
		Exclude: s.Exclude,
	}
	if s.mirrored != nil {
		p.Mirror = s.mirrored.image
	}
	if s.source.Batch {
		p.ForeignLFSServer = foreignLFSServer(s.configuredServer(ctx), s.source, s.repo)
	}
	for i, l := range content.Layers {
		o := lfs.Object{Pointer: l.Pointer, Path: l.Path, Commit: s.commit}
		p.Layers = append(p.Layers, lambda2llb.Layer{Object: o, Lines: rec.Adds[i].Lines, Origin: s.originOf(s.source, s.repo, o)})
	}
	return p, nil
}

// document is what the snapshot says of platforms, to be kept; of none that is named: of all that it has.
func (s *snapshot) document(ctx context.Context, targets ...ocispecs.Platform) (*document.Snapshot, error) {
	date, err := s.date(ctx)
	if err != nil {
		return nil, err
	}
	d := &document.Snapshot{Version: document.Version, Runtime: s.runtime, Repository: s.repository(), Commit: s.commit, Date: date}
	if len(targets) == 0 {
		names, err := s.platformNames(ctx)
		if err != nil {
			return nil, err
		}
		if targets, err = platforms.ParseAll(names); err != nil {
			return nil, errors.Wrap(err, "platforms")
		}
	}
	for _, target := range targets {
		content, err := s.platform(ctx, target)
		if err != nil {
			return nil, err
		}
		if d.Find(target) == nil {
			d.Platforms = append(d.Platforms, *content)
		}
	}
	return d, nil
}

// imageLabels are the user's, for a base image that is asked for itself. To what stands on one BuildKit's frontend adds them.
func (s *snapshot) imageLabels() map[string]string {
	if s.Runtime == "" {
		return nil
	}
	return s.bc.Labels
}

// warnEndOfSupport warns of a runtime that AWS doesn't support any more.
func (r *request) warnEndOfSupport(ctx context.Context, snap *snapshot, w warning) {
	end, ok := catalog.EndOfSupport(snap.runtime)
	if !ok || r.today.IsZero() || !r.today.After(end) {
		return
	}
	w.text = fmt.Sprintf("runtime %s is past its end of support (%s)", snap.runtime, end.Format(time.DateOnly))
	w.detail = "AWS publishes no more security fixes for it, and Lambda may refuse to create or update functions."
	w.vertex = snap.step
	r.warn(ctx, w)
}

// treeState is a commit's tree. Where BuildKit can leave submodules alone, a branch can't make the daemon fetch
// what nobody asked for.
func (r *request) treeState(repo remote, commit string) llb.State {
	opts := r.gitOptions(repo)
	caps := r.bc.BuildOpts().LLBCaps
	if caps.Supports(pb.CapSourceGitSkipSubmodules) == nil {
		opts = append(opts, llb.GitSkipSubmodules())
	}
	if caps.Supports(pb.CapSourceGitFetchByCommit) == nil { // without it git fetches all tags with a commit, and their history
		opts = append(opts, llb.GitChecksum(commit), llb.GitFetchByCommit())
	}
	return lambda2llb.Tree(repo.url, commit, opts...)
}
