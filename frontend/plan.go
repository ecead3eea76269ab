package frontend

import (
	"context"
	"path"
	"strings"
	"time"

	"lambdabase/internal/catalog"
	"lambdabase/internal/lfs"
	"lambdabase/internal/recipe"
	"lambdabase/llb/lambda2llb"

	"github.com/containerd/platforms"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// snapshot is one commit of the repository, as far as its tree tells: recipes and pointers.
type snapshot struct {
	*request
	runtime string
	commit  string
	created time.Time
	objects lfs.Source
	tree    *tree
	sizes   sizes
}

// snapshot resolves the commit of a runtime, unless it is given, and loads its tree: once for all platforms.
func (r *request) snapshot(ctx context.Context, runtime, commit string) (*snapshot, error) {
	var err error
	if commit == "" {
		if commit, err = r.head(ctx, runtime); err != nil {
			return nil, err
		}
	}
	t, created, err := r.loadTree(ctx, commit)
	if err != nil {
		return nil, err
	}
	return &snapshot{request: r, runtime: runtime, commit: commit, created: created, objects: r.Objects.Resolve(r.Repository), tree: t}, nil
}

// loadTree gets the commit's tree, and its date.
func (r *request) loadTree(ctx context.Context, commit string) (*tree, time.Time, error) {
	ref, err := whileThere(ctx, r, r.Repository, func(ctx context.Context) (gateway.Reference, error) {
		return r.solve(ctx, r.tree(commit), ocispecs.Platform{}, true)
	})
	if err != nil {
		return nil, time.Time{}, r.commitError(err, commit)
	}
	t := &tree{ref: ref}
	created, err := r.created(ctx, t, commit)
	return t, created, err
}

// plan is what the snapshot says of one platform.
func (s *snapshot) plan(ctx context.Context, platform ocispecs.Platform) (*lambda2llb.Plan, error) {
	file, err := s.recipe(ctx, platforms.Normalize(platform))
	if err != nil {
		return nil, err
	}
	rec, err := recipe.Parse(ctx, file.Path, file.Data, platform)
	if err != nil {
		return nil, locate(err, file)
	}
	p := &lambda2llb.Plan{
		Runtime: s.runtime, Repository: s.Repository, Commit: s.commit, Created: s.created,
		Platform: platform, Recipe: file, Config: rec.Image,
		Server: s.objects.Server, Fallback: s.objects.Fallback(), LFSConfig: s.lfsConfig(ctx),
	}
	for _, add := range rec.Adds {
		layer, err := s.layer(ctx, path.Dir(file.Path), add)
		if err != nil {
			return nil, addError(err, file, add)
		}
		p.Layers = append(p.Layers, layer)
	}
	return p, nil
}

// layer is the object that an ADD's source is the pointer of.
func (s *snapshot) layer(ctx context.Context, folder string, add recipe.Add) (lambda2llb.Layer, error) {
	name := path.Join(folder, add.Source)
	dt, err := s.tree.read(ctx, name, lfs.MaxPointerSize-1)
	var large *tooLargeError
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
	return lambda2llb.Layer{Object: o, Lines: add.Lines, URL: s.objects.URL(o)}, s.sizes.add(o)
}

// recipe reads the recipe of a platform.
func (s *snapshot) recipe(ctx context.Context, platform ocispecs.Platform) (lambda2llb.File, error) {
	found, err := recipe.Find(s.runtime, func(folder string) ([]string, error) { return s.tree.names(ctx, folder) })
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
	if is := strings.TrimPrefix(path.Base(name), "Dockerfile."); is != s.runtime && catalog.IsRuntime(is) && catalog.IsRuntime(s.runtime) {
		return lambda2llb.File{}, errors.Errorf("commit %s is of %s, not of %s", s.commit, is, s.runtime)
	}
	dt, err := s.tree.read(ctx, name, maxRecipe)
	return lambda2llb.File{Path: name, Data: dt}, errors.Wrapf(err, "runtime %s", s.runtime)
}
