package frontend

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"lambdabase/internal/catalog"
	"lambdabase/internal/lfs"
	"lambdabase/internal/recipe"
	"lambdabase/llb/lambda2llb"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/errdefs"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// checkout is a build context that is a clone of the repository, or a directory of one, in which tarballs are still pointers.
type checkout struct {
	*request
	repo    remote             // that the objects are of
	file    lambda2llb.File    // the recipe, given as the Dockerfile
	state   llb.State          // the build context
	commit  string             // of a context that is a URL of git
	created time.Time          // the commit's date, if there is one
	layers  []lambda2llb.Layer // the same on every platform: the recipe says which tarballs; pointers have no origin
}

// findCheckout returns what a request's Dockerfile and context are where the one is a recipe and the other has a pointer that it
// adds. Everything else is a Dockerfile like any other, and nil: also what can't be read, as the Dockerfile frontend says it in
// BuildKit's words.
func (r *request) findCheckout(ctx context.Context) (*checkout, error) {
	if r.bc.Target != "" {
		return nil, nil
	}
	file, err := r.readDockerfile(ctx)
	if err != nil {
		return nil, nil
	}
	rec, err := recipe.Parse(ctx, file.Path, file.Data, r.daemonPlatform())
	if err != nil {
		r.warnPointers(ctx, file, err)
		return nil, nil
	}
	git, gitErr := r.resolveGitContext(ctx, file.Path)
	if git != nil && git.recipe != nil {
		file.Data = git.recipe
		if rec, err = recipe.Parse(ctx, file.Path, file.Data, r.daemonPlatform()); err != nil {
			return nil, nil
		}
	}
	c, err := r.newCheckout(ctx, git, file, rec.Adds)
	if c == nil || !slices.ContainsFunc(c.layers, lambda2llb.Layer.IsObject) {
		return nil, err
	}
	if gitErr != nil {
		return nil, gitErr
	}
	return c, nil
}

// newCheckout reads what a recipe adds of a context, which may be one of git; nil where that can't be read.
func (r *request) newCheckout(ctx context.Context, git *gitContext, file lambda2llb.File, adds []recipe.Add) (*checkout, error) {
	dir, err := r.openContext(ctx, git, adds)
	if dir == nil {
		return nil, err
	}
	c := &checkout{request: r, repo: r.remote, file: file, state: dir.state, created: time.Unix(0, 0).UTC()}
	if git != nil {
		c.repo, c.commit, c.created = git.repo, git.commit, git.created
	}
	if c.layers, err = dir.readLayers(ctx, file, adds); err != nil {
		return nil, err
	}
	return c, nil
}

// readDockerfile reads the Dockerfile, if that wasn't done before.
func (r *request) readDockerfile(ctx context.Context) (lambda2llb.File, error) {
	src := r.dockerfile
	if src == nil {
		var err error
		if src, err = r.bc.ReadEntrypoint(ctx, "Dockerfile"); err != nil {
			return lambda2llb.File{}, err
		}
	}
	return lambda2llb.File{Path: src.Filename, Data: src.Data}, nil
}

// build makes the images of a checkout.
func (c *checkout) build(ctx context.Context) (*gateway.Result, error) {
	epoch, err := c.parseEpoch()
	if err != nil {
		return nil, err
	}
	if err := c.checkLock(ctx); err != nil {
		return nil, err
	}
	source := c.objectSource(c.repo)
	layers, err := c.withOrigins(ctx, source)
	if err != nil {
		return nil, err
	}
	return c.buildPlatforms(ctx, epoch, func(ctx context.Context, platform ocispecs.Platform) (*lambda2llb.Plan, error) {
		rec, err := recipe.Parse(ctx, c.file.Path, c.file.Data, platform)
		if err != nil {
			return nil, wrapSource(err, c.file)
		}
		c.warnPlatform(ctx, platform)
		plan := &lambda2llb.Plan{
			Runtime: c.runtime(), Repository: c.repo.url, Commit: c.commit, Created: c.created, Platform: platform,
			Recipe: c.file, Workdir: rec.Workdir, Layers: layers, Config: rec.Image, LFSServer: source.Server, Labels: c.bc.Labels,
			Exclude: c.Exclude,
		}
		if epoch != nil {
			plan.Created = *epoch
		}
		return plan, nil
	})
}

// runtime is the one that Dockerfile.<runtime> is named after, if it is.
func (c *checkout) runtime() string {
	name, ok := strings.CutPrefix(path.Base(c.file.Path), "Dockerfile.")
	if !ok || catalog.CheckName(name) != nil {
		return ""
	}
	return name
}

// checkLock finds pointers that are against the lock file of the context, if it has one.
func (c *checkout) checkLock(ctx context.Context) error {
	runtime := c.runtime()
	if runtime == "" {
		if lock, err := c.readLock(ctx); lock == nil || err != nil {
			return err
		}
		return errors.Errorf("%s names no runtime, so that %s can't be obeyed: give lock=none", c.file.Path, c.lockName())
	}
	locked, err := c.lockedSnapshot(ctx, runtime, c.commit)
	if locked == nil || err != nil {
		return err
	}
	objects := locked.Objects()
	for _, l := range c.layers {
		if l.IsObject() && !slices.ContainsFunc(objects, func(o lfs.Object) bool { return o.OID == l.OID }) {
			return wrapSource(errors.Errorf("%s is against %s, which locks %s to commit %s: check that out, or give lock=none", layerLabel(l), c.lockName(), runtime, locked.Commit), c.file, l.Lines...)
		}
	}
	return nil
}

// withOrigins gives the pointers their origins.
func (c *checkout) withOrigins(ctx context.Context, source lfs.ObjectSource) ([]lambda2llb.Layer, error) {
	origins := map[string]lambda2llb.Origin{}
	if c.commit == "" && !source.ByOID() {
		var err error
		if origins, err = c.originsOfHead(ctx); err != nil {
			return nil, err
		}
	}
	layers := slices.Clone(c.layers)
	for i := range layers {
		l := &layers[i]
		switch {
		case !l.IsObject():
		case origins[l.OID] != nil:
			l.Origin = origins[l.OID]
		default:
			l.Commit = c.commit
			l.Origin = c.originOf(source, c.repo, l.Object)
		}
	}
	return layers, nil
}

// originsOfHead are those of the branch's head, by oid. They are for a local checkout, which knows no commit, and a template that
// needs one: the head has the objects too, unless it has moved on.
func (c *checkout) originsOfHead(ctx context.Context) (map[string]lambda2llb.Origin, error) {
	runtime := c.runtime()
	if runtime == "" {
		return nil, errors.Errorf("%s names no runtime, so its objects can't be looked up in %s: give objects=lfs, or a template with {oid}", c.file.Path, c.repo.url)
	}
	snap, err := c.newSnapshot(ctx, c.repo, runtime, "")
	if err != nil {
		return nil, err
	}
	origins := map[string]lambda2llb.Origin{}
	for _, arch := range []string{"amd64", "arm64"} {
		plan, err := snap.plan(ctx, ocispecs.Platform{OS: "linux", Architecture: arch})
		if err != nil { // it has one of them
			continue
		}
		for _, l := range plan.Layers {
			origins[l.OID] = l.Origin
		}
	}
	for _, l := range c.layers {
		if l.IsObject() && origins[l.OID] == nil {
			return nil, errors.Errorf("%s is not on branch %s of %s any more: update the checkout, or give objects=lfs, or a template with {oid}", layerLabel(l), runtime, c.repo.url)
		}
	}
	return origins, nil
}

// warnPointers warns of pointers that a Dockerfile adds as they are because it isn't quite a recipe.
func (r *request) warnPointers(ctx context.Context, file lambda2llb.File, reason error) {
	adds := recipe.LooseAdds(file.Data)
	if len(adds) == 0 {
		return
	}
	c, err := r.newCheckout(ctx, nil, file, adds)
	if c == nil || err != nil {
		return
	}
	for _, l := range c.layers {
		if l.IsObject() {
			c.warnLine(ctx, l, fmt.Sprintf("%s is a Git LFS pointer and is added as it is: the Dockerfile is no recipe (%v)", l.Path, reason))
		}
	}
}

// warnLine warns of a layer where the Dockerfile adds it.
func (c *checkout) warnLine(ctx context.Context, l lambda2llb.Layer, text string) {
	w := warning{text: text, lines: []*errdefs.Source{recipeSource(c.file, l.Lines)}}
	w.vertex, _ = vertexDigest(ctx, c.state)
	c.warn(ctx, w)
}

// warnPlatform warns of a recipe of one architecture that is built for another: upstream's at the root adds the x86_64
// layers whatever is asked for, and the image would say that it is for arm64.
func (c *checkout) warnPlatform(ctx context.Context, platform ocispecs.Platform) {
	for _, l := range c.layers {
		if arch := recipe.ArchOf(l.Path); arch != "" && arch != platform.Architecture {
			c.warnLine(ctx, l, fmt.Sprintf("%s adds layers of linux/%s, and %s is built: give --platform linux/%s, or the recipe of the other folder",
				c.file.Path, arch, platforms.Format(platform), arch))
			return
		}
	}
}
