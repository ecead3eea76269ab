package frontend

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"lambdabase/internal/lfs"
	"lambdabase/internal/recipe"
	"lambdabase/llb/lambda2llb"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests/convertllb"
	"github.com/moby/buildkit/solver/errdefs"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// checkout is a build context that is a clone of the repository, or a directory of one, in which tarballs are still pointers.
type checkout struct {
	*request
	repo    remote          // that the objects are of
	file    lambda2llb.File // the recipe, given as the Dockerfile
	runtime string          // that Dockerfile.<runtime> is named after, if it is
	created time.Time
	source  lfs.Source
	sizes   sizes
	layers  []lambda2llb.Layer // the same on every platform: the recipe says which tarballs

	// Of a context that is a URL of git.
	commit string
	tree   *tree
	dir    string // of the repository, that the context is
}

// buildCheckout answers a request whose Dockerfile is a recipe and whose context has a pointer that it adds. Everything else is
// a Dockerfile like any other, and not ok: also what can't be read, as the Dockerfile frontend says it in BuildKit's words.
func (r *request) buildCheckout(ctx context.Context) (res *gateway.Result, ok bool, err error) {
	if call := r.requestID(); r.bc.Target != "" || call != "" && call != convertllb.RequestConvertLLB {
		return nil, false, nil
	}
	src := r.dockerfile
	if src == nil {
		if src, err = r.bc.ReadEntrypoint(ctx, "Dockerfile"); err != nil {
			return nil, false, nil
		}
	}
	own := *r
	c := &checkout{request: &own, repo: r.remote, file: lambda2llb.File{Path: src.Filename, Data: src.Data}, created: time.Unix(0, 0).UTC()}
	rec, err := recipe.Parse(ctx, src.Filename, src.Data, r.bc.BuildPlatforms[0])
	if err != nil {
		return nil, false, c.warnPointers(ctx, err)
	}
	contextErr := c.useGitContext(ctx)
	if c.tree != nil {
		if rec, err = recipe.Parse(ctx, src.Filename, c.file.Data, r.bc.BuildPlatforms[0]); err != nil {
			return nil, false, nil
		}
	}
	if pointers, err := c.readLayers(ctx, rec.Adds); err != nil || pointers == 0 {
		return nil, err != nil, err
	}
	if contextErr != nil {
		return nil, true, contextErr
	}
	if r.requestID() != "" {
		return nil, true, errors.Errorf("%s of a checkout with pointers has no answer: name the runtime in a Dockerfile instead, FROM nodejs20.x", r.requestID())
	}
	if name, ok := strings.CutPrefix(path.Base(src.Filename), "Dockerfile."); ok && runtimeName.MatchString(name) {
		c.runtime = name
	}
	if err := c.setEpoch(); err != nil {
		return nil, true, err
	}
	if c.epoch != nil {
		c.created = *c.epoch
	}
	if err := c.resolveOrigin(ctx); err != nil {
		return nil, true, err
	}
	res, err = c.buildPlatforms(ctx, c.plan)
	return res, true, err
}

// useGitContext takes what is known of a context that is a URL of git.
func (c *checkout) useGitContext(ctx context.Context) error {
	g, err := c.resolveGitContext(ctx, c.file.Path)
	if g == nil || err != nil {
		return err
	}
	c.repo, c.commit, c.created, c.tree, c.dir = g.repo, g.commit, g.created, g.tree, g.dir
	c.buildContext = c.treeState(g.repo, g.commit)
	if g.recipe != nil {
		c.file.Data = g.recipe
	}
	return nil
}

// readLayers finds out which of the tarballs are pointers; there are none also where one is missing.
func (c *checkout) readLayers(ctx context.Context, adds []recipe.Add) (pointers int, err error) {
	files, err := c.contextTree(ctx, adds)
	if files == nil {
		return 0, err
	}
	for _, a := range adds {
		l, err := c.readLayer(ctx, files, a)
		if err != nil {
			return 0, wrapAddError(err, c.file, a)
		}
		if l == nil {
			return 0, nil
		}
		if !l.InContext {
			pointers++
		}
		c.layers = append(c.layers, *l)
	}
	return pointers, nil
}

// contextTree is the tree of the context; nil where it can't be read.
func (c *checkout) contextTree(ctx context.Context, adds []recipe.Add) (*tree, error) {
	if c.tree != nil {
		return c.tree, nil
	}
	var sources []string
	for _, a := range adds {
		sources = append(sources, a.Source)
	}
	st, err := c.bc.MainContext(ctx, llb.FollowPaths(sources))
	if err != nil {
		return nil, nil
	}
	ref, err := c.solve(ctx, *st, ocispecs.Platform{}, true)
	if err != nil || ref == nil {
		return nil, ctx.Err()
	}
	c.buildContext = *st
	return &tree{ref: ref}, nil
}

// readLayer reads what an ADD's source in the context is: a pointer, or a tarball; nil where there is nothing.
func (c *checkout) readLayer(ctx context.Context, files *tree, add recipe.Add) (*lambda2llb.Layer, error) {
	name := path.Join(c.dir, add.Source)
	entry, err := files.lookup(ctx, name)
	if err != nil || entry == nil {
		return nil, nil
	}
	l := &lambda2llb.Layer{Lines: add.Lines, Object: lfs.Object{Path: name}}
	dt, err := files.readFile(ctx, name, lfs.MaxPointerSize-1)
	if err != nil || !lfs.IsPointer(dt) {
		l.InContext, l.Size = true, entry.Size
		return l, nil
	}
	if l.Pointer, err = lfs.ParsePointer(dt); err != nil {
		return nil, errors.Wrap(err, name)
	}
	return l, c.sizes.add(l.Object)
}

// resolveOrigin gives the pointers their URLs.
func (c *checkout) resolveOrigin(ctx context.Context) error {
	c.source = c.ObjectSource.Resolve(c.repo.url)
	if c.commit == "" && !c.source.ByOID() {
		return c.setURLsFromHead(ctx)
	}
	for i := range c.layers {
		if l := &c.layers[i]; !l.InContext {
			l.Commit = c.commit
		}
	}
	c.setURLs(c.source.URL)
	return nil
}

func (c *checkout) setURLs(url func(lfs.Object) string) {
	for i := range c.layers {
		if l := &c.layers[i]; !l.InContext {
			l.URL = url(l.Object)
		}
	}
}

// setURLsFromHead is for a local checkout, which knows no commit, and a template that needs one: the branch's head has
// the objects too, unless it has moved on.
func (c *checkout) setURLsFromHead(ctx context.Context) error {
	if c.runtime == "" {
		return errors.Errorf("%s names no runtime, so its objects can't be looked up in %s: give objects=lfs, or a template with {oid}", c.file.Path, c.repo.url)
	}
	snap, err := c.newSnapshot(ctx, c.repo, c.runtime, "")
	if err != nil {
		return err
	}
	urls := map[string]string{}
	for _, arch := range []string{"amd64", "arm64"} {
		plan, err := snap.plan(ctx, ocispecs.Platform{OS: "linux", Architecture: arch})
		if err != nil { // it has one of them
			continue
		}
		for _, l := range plan.Layers {
			urls[l.OID] = l.URL
		}
	}
	for _, l := range c.layers {
		if !l.InContext && urls[l.OID] == "" {
			return errors.Errorf("%s is not on branch %s of %s any more: update the checkout, or give objects=lfs, or a template with {oid}", layerLabel(l), c.runtime, c.repo.url)
		}
	}
	c.setURLs(func(o lfs.Object) string { return urls[o.OID] })
	return nil
}

// plan is what the checkout says of one platform.
func (c *checkout) plan(ctx context.Context, platform ocispecs.Platform) (*lambda2llb.Plan, error) {
	rec, err := recipe.Parse(ctx, c.file.Path, c.file.Data, platform)
	if err != nil {
		return nil, wrapSource(err, c.file)
	}
	c.warnPlatform(ctx, platform)
	return &lambda2llb.Plan{
		Runtime: c.runtime, Repository: c.repo.url, Commit: c.commit, Created: c.created, Platform: platform,
		Recipe: c.file, Layers: slices.Clone(c.layers), Config: rec.Image, LFSServer: c.source.Server, Fallback: c.source.Fallback(),
	}, nil
}

// warnPointers warns of pointers that a Dockerfile adds as they are because it isn't quite a recipe.
func (c *checkout) warnPointers(ctx context.Context, reason error) error {
	adds := recipe.LooseAdds(c.file.Data)
	if len(adds) == 0 {
		return nil
	}
	pointers, err := c.readLayers(ctx, adds)
	if err != nil || pointers == 0 {
		return ctx.Err()
	}
	for _, l := range c.layers {
		if !l.InContext {
			c.warnLine(ctx, l, fmt.Sprintf("%s is a Git LFS pointer and is added as it is: the Dockerfile is no recipe (%v)", l.Path, reason))
		}
	}
	return nil
}

// warnLine warns of a layer where the Dockerfile adds it.
func (c *checkout) warnLine(ctx context.Context, l lambda2llb.Layer, text string) {
	w := warning{text: text, lines: []*errdefs.Source{recipeSource(c.file, l.Lines)}}
	w.vertex, _ = vertexDigest(ctx, c.buildContext)
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
