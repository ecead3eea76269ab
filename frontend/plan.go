package frontend

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"lambdabase/internal/lfs"
	"lambdabase/internal/recipe"
	"lambdabase/llb/lambda2llb"

	"github.com/containerd/platforms"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// snapshot is one commit of the repository, as far as its tree tells: recipes and pointers.
type snapshot struct {
	*request
	runtime string
	commit  string
	created time.Time
	tree    tree
}

// snapshot resolves the commit of a runtime, unless it is given, and loads its tree: once for all platforms.
func (r *request) snapshot(ctx context.Context, runtime, commit string) (*snapshot, error) {
	if err := r.needObjects(); err != nil {
		return nil, err
	}
	if commit == "" {
		var err error
		if commit, err = r.head(ctx, runtime); err != nil {
			return nil, err
		}
	}
	ref, err := r.solve(ctx, r.tree(commit), ocispecs.Platform{}, true)
	if err != nil {
		return nil, r.commitError(err, commit)
	}
	created, err := r.created(ctx, commit)
	if err != nil {
		return nil, err
	}
	return &snapshot{request: r, runtime: runtime, commit: commit, created: created, tree: tree{ref: ref}}, nil
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
	}
	for _, add := range rec.Adds {
		layer, err := s.layer(ctx, path.Dir(file.Path), add)
		if err != nil {
			err = errors.Wrapf(err, "%s:%d: ADD", file.Path, add.Lines[0].Start.Line)
			return nil, locate(err, file, add.Lines...)
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
	return lambda2llb.Layer{Object: o, URL: s.Objects.URL(o), Lines: add.Lines}, nil
}

// folders are upstream's names of the architectures. A branch that has neither folder is from before them: its recipe
// stands at the root and is x86_64.
var folders = map[string]string{"amd64": "x86_64", "arm64": "arm64"}

// recipe finds the recipe of a platform.
func (s *snapshot) recipe(ctx context.Context, platform ocispecs.Platform) (lambda2llb.File, error) {
	found, err := s.recipes(ctx)
	if err != nil {
		return lambda2llb.File{}, err
	}
	name, ok := found[platform.Architecture]
	if !ok || platform.OS != "linux" {
		return lambda2llb.File{}, s.platformError(platform, found)
	}
	dt, err := s.tree.read(ctx, name, maxRecipe)
	return lambda2llb.File{Path: name, Data: dt}, errors.Wrapf(err, "runtime %s", s.runtime)
}

// recipes are the recipes of the tree by architecture.
func (s *snapshot) recipes(ctx context.Context) (map[string]string, error) {
	found := map[string]string{}
	for _, arch := range slices.Sorted(maps.Keys(folders)) {
		st, err := s.tree.lookup(ctx, folders[arch])
		if err != nil {
			return nil, errors.Wrapf(err, "runtime %s", s.runtime)
		}
		if st == nil {
			continue
		}
		name, err := s.recipeIn(ctx, folders[arch])
		if err != nil {
			return nil, err
		}
		if name != "" {
			found[arch] = name
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	name, err := s.recipeIn(ctx, ".")
	if err == nil && name == "" {
		err = errors.Errorf("branch %s is no runtime: commit %s has no Dockerfile.%s", s.runtime, s.commit, s.runtime)
	}
	return map[string]string{"amd64": name}, err
}

// recipeIn is the recipe of a folder: the one named after the runtime, or the only one. A mirror may have a branch under
// another name.
func (s *snapshot) recipeIn(ctx context.Context, folder string) (string, error) {
	entries, err := s.tree.folder(ctx, folder)
	if err != nil {
		return "", err
	}
	own := "Dockerfile." + s.runtime
	if entries[own] != nil {
		return path.Join(folder, own), nil
	}
	var others []string
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		if strings.HasPrefix(name, "Dockerfile.") {
			others = append(others, name)
		}
	}
	switch len(others) {
	case 0:
		return "", nil
	case 1:
		return path.Join(folder, others[0]), nil
	}
	return "", errors.Errorf("branch %s has several recipes and none is %s: %s", s.runtime, own, strings.Join(others, ", "))
}
