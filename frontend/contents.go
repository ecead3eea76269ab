package frontend

import (
	"cmp"
	"context"
	"path"
	"strings"
	"time"

	"lambdabase/internal/document"
	"lambdabase/internal/lfs"
	"lambdabase/internal/panics"
	"lambdabase/internal/recipe"
	"lambdabase/llb/lambda2llb"

	"github.com/containerd/platforms"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// contents are what a commit says of a runtime.
type contents interface {
	date(ctx context.Context) (time.Time, error)
	platformNames(ctx context.Context) ([]string, error)
	platform(ctx context.Context, platform ocispecs.Platform) (*document.Platform, error)
	// configuredServer is the LFS server that the commit names; empty where it names none, or that isn't known.
	configuredServer(ctx context.Context) string
	// originalRepository is the one of git that a document was made of; empty where the commit itself is read.
	originalRepository() string
}

// treeContents are those of the commit's tree.
type treeContents struct {
	*tree
	runtime, commit string
	sizes           pointerSizes
}

func (t *treeContents) date(ctx context.Context) (time.Time, error) {
	return t.commitDate(ctx, t.commit)
}

func (t *treeContents) configuredServer(ctx context.Context) string {
	dt, err := t.readFile(ctx, ".lfsconfig", maxTextSize)
	if err != nil {
		return ""
	}
	return configuredServer(dt)
}

func (*treeContents) originalRepository() string { return "" }

func (t *treeContents) platformNames(ctx context.Context) ([]string, error) {
	found, err := t.findRecipes(ctx)
	return found.Platforms(), err
}

func (t *treeContents) platform(ctx context.Context, platform ocispecs.Platform) (*document.Platform, error) {
	platform = platforms.Normalize(platform)
	file, err := t.readRecipe(ctx, platform)
	if err != nil {
		return nil, err
	}
	adds, err := recipe.ParseAdds(file.Path, file.Data)
	if err != nil {
		return nil, wrapSource(err, file)
	}
	ignored, err := t.readDockerignore(ctx, file.Path)
	if err != nil {
		return nil, err
	}
	layers, errs := t.readLayers(ctx, path.Dir(file.Path), adds)
	for i, add := range adds {
		err := cmp.Or(ignored.check(add.Source), errs[i])
		if err == nil {
			err = t.sizes.add(lfs.Object{Pointer: layers[i].Pointer, Path: layers[i].Path})
		}
		if err != nil {
			return nil, wrapAddError(err, file, add)
		}
	}
	return &document.Platform{Name: document.PlatformName(platform), Recipe: document.NewRecipe(file.Path, file.Data), Layers: layers}, nil
}

// concurrentReads is how many files of a tree are read at a time.
const concurrentReads = 8

// readLayers reads the pointers that the sources of ADDs are, in a folder.
func (t *treeContents) readLayers(ctx context.Context, dir string, adds []recipe.Add) ([]document.Layer, []error) {
	layers, errs := make([]document.Layer, len(adds)), make([]error, len(adds))
	all := panics.NewGroup()
	all.SetLimit(concurrentReads)
	for i, add := range adds {
		all.Go(func() error {
			layers[i], errs[i] = panics.Recover(func() (document.Layer, error) { return t.readLayer(ctx, path.Join(dir, add.Source)) })
			return nil
		})
	}
	_ = all.Wait()
	return layers, errs
}

// readLayer reads the pointer that an ADD's source is.
func (t *treeContents) readLayer(ctx context.Context, name string) (document.Layer, error) {
	dt, err := t.readFile(ctx, name, lfs.MaxPointerSize-1)
	var large *fileTooLargeError
	if errors.As(err, &large) {
		err = errors.Wrapf(lfs.ErrNotPointer, "%s has %d bytes", name, large.size)
	}
	if err != nil {
		return document.Layer{}, err
	}
	pointer, err := lfs.ParsePointer(dt)
	if err != nil {
		return document.Layer{}, errors.Wrap(err, name)
	}
	return document.Layer{Path: name, Pointer: pointer}, nil
}

// readRecipe reads the recipe of a platform.
func (t *treeContents) readRecipe(ctx context.Context, platform ocispecs.Platform) (lambda2llb.File, error) {
	name, err := recipe.FindOf(platform.Architecture, t.runtime, t.lister(ctx))
	if err != nil {
		return lambda2llb.File{}, errors.Wrapf(err, "runtime %s", t.runtime)
	}
	if name == "" || platform.OS != "linux" {
		return lambda2llb.File{}, t.missingPlatformError(ctx, platform)
	}
	if err := recipe.CheckRuntime(name, t.runtime); err != nil {
		return lambda2llb.File{}, errors.Errorf("commit %s %v", t.commit, err)
	}
	dt, err := t.readFile(ctx, name, maxTextSize)
	return lambda2llb.File{Path: name, Data: dt}, errors.Wrapf(err, "runtime %s", t.runtime)
}

func (t *treeContents) missingPlatformError(ctx context.Context, platform ocispecs.Platform) error {
	found, err := t.findRecipes(ctx)
	if err != nil {
		return err
	}
	return errors.Errorf("runtime %s has no platform %s at commit %s, it has %s",
		t.runtime, platforms.Format(platform), t.commit, strings.Join(found.Platforms(), ", "))
}

func (t *treeContents) lister(ctx context.Context) func(string) ([]string, error) {
	return func(dir string) ([]string, error) { return t.names(ctx, dir) }
}

func (t *treeContents) findRecipes(ctx context.Context) (recipe.Paths, error) {
	found, err := recipe.Find(t.runtime, t.lister(ctx))
	if err != nil {
		return nil, errors.Wrapf(err, "runtime %s", t.runtime)
	}
	if len(found) == 0 {
		return nil, errors.Errorf("branch %s is no runtime: commit %s has no Dockerfile.%s", t.runtime, t.commit, t.runtime)
	}
	return found, nil
}

// documentContents are those of a document that was made of the commit.
type documentContents struct {
	*document.Snapshot
	name string // of the document
}

func (d documentContents) date(context.Context) (time.Time, error) { return d.Date.UTC(), nil }

func (d documentContents) platformNames(context.Context) ([]string, error) {
	return d.PlatformNames(), nil
}

func (d documentContents) platform(_ context.Context, platform ocispecs.Platform) (*document.Platform, error) {
	if p := d.Find(platform); p != nil {
		return p, nil
	}
	return nil, errors.Errorf("%s has no platform %s of runtime %s, it has %s", d.name, platforms.Format(platform), d.Runtime, strings.Join(d.PlatformNames(), ", "))
}

func (documentContents) configuredServer(context.Context) string { return "" }

func (d documentContents) originalRepository() string { return d.Repository }
