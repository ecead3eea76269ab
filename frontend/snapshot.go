package frontend

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"lambdabase/internal/catalog"
	"lambdabase/internal/lfs"
	"lambdabase/internal/recipe"
	"lambdabase/llb/lambda2llb"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// snapshot is one commit of the repository, as far as its tree tells: recipes and pointers.
type snapshot struct {
	*request
	repo    remote
	runtime string
	commit  string
	created time.Time
	source  lfs.ObjectSource
	tree    *tree
	sizes   pointerSizes
}

// newSnapshot resolves the commit of a runtime, unless it is given, and loads its tree: once for all platforms.
func (r *request) newSnapshot(ctx context.Context, repo remote, runtime, commit string) (*snapshot, error) {
	var err error
	if commit == "" {
		if commit, err = r.resolveHead(ctx, repo, runtime); err != nil {
			return nil, err
		}
	}
	t, created, err := r.loadTree(ctx, repo, commit)
	if err != nil {
		return nil, err
	}
	return &snapshot{
		request: r, repo: repo, runtime: runtime, commit: commit, created: created, tree: t,
		source: r.ObjectSource.Resolve(repo.url),
	}, nil
}

// loadTree gets the commit's tree, and its date.
func (r *request) loadTree(ctx context.Context, repo remote, commit string) (*tree, time.Time, error) {
	ref, err := whileResponsive(ctx, r, repo.url, func(ctx context.Context) (gateway.Reference, error) {
		return r.solve(ctx, r.treeState(repo, commit), ocispecs.Platform{}, true)
	})
	if err != nil {
		return nil, time.Time{}, r.commitError(err, repo, commit)
	}
	t := &tree{ref: ref}
	created, err := r.commitTime(ctx, t, commit)
	return t, created, err
}

// plan is what the snapshot says of one platform.
func (s *snapshot) plan(ctx context.Context, platform ocispecs.Platform) (*lambda2llb.Plan, error) {
	file, err := s.readRecipe(ctx, platforms.Normalize(platform))
	if err != nil {
		return nil, err
	}
	rec, err := recipe.Parse(ctx, file.Path, file.Data, platform)
	if err != nil {
		return nil, wrapSource(err, file)
	}
	p := &lambda2llb.Plan{
		Runtime: s.runtime, Repository: s.repo.url, Commit: s.commit, Created: s.created,
		Platform: platform, Recipe: file, Config: rec.Image,
		LFSServer: s.source.Server, ForeignLFSServer: foreignLFSServer(ctx, s.tree, s.source, s.repo), Labels: s.imageLabels(),
	}
	for _, add := range rec.Adds {
		layer, err := s.readLayer(ctx, path.Dir(file.Path), add)
		if err != nil {
			return nil, wrapAddError(err, file, add)
		}
		p.Layers = append(p.Layers, layer)
	}
	return p, nil
}

// imageLabels are the user's, for a base image that is asked for itself. To what stands on one BuildKit's frontend adds them.
func (s *snapshot) imageLabels() map[string]string {
	if s.Runtime == "" {
		return nil
	}
	return s.bc.Labels
}

// readLayer reads the object that an ADD's source is the pointer of.
func (s *snapshot) readLayer(ctx context.Context, dir string, add recipe.Add) (lambda2llb.Layer, error) {
	name := path.Join(dir, add.Source)
	dt, err := s.tree.readFile(ctx, name, lfs.MaxPointerSize-1)
	var large *fileTooLargeError
	if errors.As(err, &large) {
		err = errors.Wrapf(lfs.ErrNotPointer, "%s has %d bytes", name, large.size)
	}
	if err != nil {
		return lambda2llb.Layer{}, err
	}
	pointer, err := lfs.ParsePointer(dt)
	if err != nil {
		return lambda2llb.Layer{}, errors.Wrap(err, name)
	}
	o := lfs.Object{Pointer: pointer, Path: name, Commit: s.commit}
	return lambda2llb.Layer{Object: o, Lines: add.Lines, Origin: originOf(s.source, s.repo, o)}, s.sizes.add(o)
}

// readRecipe reads the recipe of a platform.
func (s *snapshot) readRecipe(ctx context.Context, platform ocispecs.Platform) (lambda2llb.File, error) {
	found, err := recipe.Find(s.runtime, func(dir string) ([]string, error) { return s.tree.names(ctx, dir) })
	if err != nil {
		return lambda2llb.File{}, errors.Wrapf(err, "runtime %s", s.runtime)
	}
	if len(found) == 0 {
		return lambda2llb.File{}, errors.Errorf("branch %s is no runtime: commit %s has no Dockerfile.%s", s.runtime, s.commit, s.runtime)
	}
	name := found[platform.Architecture]
	if name == "" || platform.OS != "linux" {
		return lambda2llb.File{}, errors.Errorf("runtime %s has no platform %s at commit %s, it has %s",
			s.runtime, platforms.Format(platform), s.commit, strings.Join(found.Platforms(), ", "))
	}
	// A mirror may call a branch what it likes, but a runtime's commit is of that runtime.
	if recipeRuntime := strings.TrimPrefix(path.Base(name), "Dockerfile."); recipeRuntime != s.runtime && catalog.IsRuntime(recipeRuntime) && catalog.IsRuntime(s.runtime) {
		return lambda2llb.File{}, errors.Errorf("commit %s is of %s, not of %s", s.commit, recipeRuntime, s.runtime)
	}
	dt, err := s.tree.readFile(ctx, name, maxTextSize)
	return lambda2llb.File{Path: name, Data: dt}, errors.Wrapf(err, "runtime %s", s.runtime)
}

// warnEndOfSupport warns of a runtime that AWS doesn't support any more.
func (r *request) warnEndOfSupport(ctx context.Context, snap *snapshot, w warning) {
	end, ok := catalog.EndOfSupport(snap.runtime)
	if !ok || r.today.IsZero() || !r.today.After(end) {
		return
	}
	w.text = fmt.Sprintf("runtime %s is past its end of support (%s)", snap.runtime, end.Format(time.DateOnly))
	w.detail = "AWS publishes no more security fixes for it, and Lambda may refuse to create or update functions."
	w.vertex, _ = vertexDigest(ctx, r.treeState(snap.repo, snap.commit))
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
	return lambda2llb.Tree(repo.url, commit, opts...)
}
