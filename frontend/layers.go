package frontend

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"lambdabase/internal/objects"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
)

// assembly puts the layers of one plan together.
type assembly struct {
	*request
	plan    *lambda2llb.Plan
	limit   time.Duration // of every solve that fetches
	noBatch error         // why the batch API can't be asked
	batch   bool          // what has no URL, or is refused there, can be got by the batch API
	convert *lambda2llb.Converter
	fetched bool // every object, after one had failed
}

// assemble gives the root filesystem that the recipe's ADDs make one after the other, and the image's config. Merging is
// how that is done in parallel, and where merging wouldn't give the same, the layers are chained as the recipe says.
func (r *request) assemble(ctx context.Context, plan *lambda2llb.Plan) (llb.State, *dockerspec.DockerOCIImage, error) {
	a, err := r.assembly(plan)
	if err != nil {
		return llb.State{}, nil, err
	}
	st, hasWorkdir, err := a.layers(ctx)
	if err != nil {
		return llb.State{}, nil, err
	}
	if !hasWorkdir {
		st = a.convert.Workdir(st)
	}
	r.noteBuilt(plan)
	return st, plan.BaseImage(!hasWorkdir), nil
}

func (r *request) assembly(plan *lambda2llb.Plan) (*assembly, error) {
	convert := lambda2llb.NewConverter(*plan, r.vertices...).InContext(r.context)
	a := &assembly{request: r, plan: plan, convert: convert, limit: r.timeFor(plan)}
	return a, a.byBatch()
}

// byBatch finds the way to the batch API, where that is needed or may be: the client asks it, or a step of ours does.
func (a *assembly) byBatch() error {
	needed := slices.ContainsFunc(a.plan.Layers, func(l lambda2llb.Layer) bool { return l.URL == "" && !l.InContext })
	if !needed && !a.plan.Fallback {
		return nil
	}
	if a.byClient() {
		a.batch = true
		return nil
	}
	st, err := a.request.step(a.plan.Repository, a.plan.Server)
	if err != nil && !needed { // that may never come up
		a.noBatch = err
		return nil
	}
	if err != nil {
		return err
	}
	if st == nil && needed {
		return errors.Errorf("objects of %s must be asked for by the LFS batch API, by a step of the frontend's image, and this frontend runs from none: "+
			"name the image as option source, or give objects an URL template", a.plan.Repository)
	}
	if a.batch = st != nil; a.batch {
		a.convert.ByStep(*st)
	}
	return nil
}

// byClient offers the objects to the daemon as blobs of the client's store, if the client has one and the daemon takes such.
func (a *assembly) byClient() bool {
	caps := a.bc.BuildOpts().LLBCaps
	if a.objects == nil || caps.Supports(pb.CapSourceImageBlob) != nil {
		return false
	}
	for _, l := range a.plan.Layers {
		if !l.InContext {
			a.objects.Offer(objects.Source{Repository: a.plan.Repository, Server: a.plan.Server}, l.Object)
		}
	}
	a.convert.ByStore(objects.StoreID, a.bc.BuildOpts().SessionID)
	return true
}

// layers are the ADDs alone, and whether the working directory came with them.
func (a *assembly) layers(ctx context.Context) (st llb.State, hasWorkdir bool, err error) {
	switch {
	case a.Layers == LayersChain:
		return a.chain(ctx)
	case !a.canMerge():
		a.warnChain(ctx, []string{"this daemon can't merge (BuildKit before 0.10, or Docker's graphdriver store)"})
		return a.chain(ctx)
	}
	solved := a.solveLayers(ctx)
	if err := ctx.Err(); err != nil {
		return st, false, errors.Wrapf(context.Cause(ctx), "layers of %s", a.plan.Runtime)
	}
	if err := fetchErrors(solved); err != nil {
		return st, false, err
	}
	if err := a.checkUnpacked(ctx, solved); err != nil {
		return st, false, err
	}
	conflicts, err := a.conflicts(ctx, solved)
	switch {
	case err != nil:
		return st, false, err
	case len(conflicts) == 0:
		return a.merge(ctx, solved)
	case a.Layers == LayersMerge:
		return st, false, errors.Errorf("layers=merge would differ from the recipe of %s, layers=auto gives what it says: %s",
			a.plan.Runtime, strings.Join(conflicts[:min(len(conflicts), 5)], "; "))
	}
	a.warnChain(ctx, conflicts)
	return a.chain(ctx)
}

// solvedLayer is a layer on its own: unpacked onto nothing.
type solvedLayer struct {
	layer *lambda2llb.Layer
	ref   gateway.Reference
	err   error
}

// solveLayers solves every layer on its own, all at once, before any merge is asked for. Doing so is also what makes an
// imported cache serve: a merge that misses would fetch each shared tarball again.
func (a *assembly) solveLayers(ctx context.Context) []solvedLayer {
	return a.each(ctx, func(l *lambda2llb.Layer) llb.State { return a.convert.Unpack(llb.Scratch(), *l) })
}

// each solves what a state makes of each layer's object, all at once.
func (a *assembly) each(ctx context.Context, state func(*lambda2llb.Layer) llb.State) []solvedLayer {
	solved := make([]solvedLayer, len(a.plan.Layers))
	var wg sync.WaitGroup
	for i := range a.plan.Layers {
		l := &a.plan.Layers[i]
		wg.Go(func() {
			ref, err := guard(func() (gateway.Reference, error) {
				return a.solveFetched(ctx, l, func() llb.State { return state(l) })
			})
			solved[i] = solvedLayer{layer: l, ref: ref, err: err}
		})
	}
	wg.Wait()
	return solved
}

// fetchErrors are all objects that couldn't be fetched: one that fails doesn't hide the others.
func fetchErrors(solved []solvedLayer) error {
	var failed []*fetchError
	for _, s := range solved {
		if fetch := (*fetchError)(nil); errors.As(s.err, &fetch) {
			failed = append(failed, fetch)
		}
	}
	switch len(failed) {
	case 0:
		return nil
	case 1:
		return failed[0]
	}
	return &objectsError{failed}
}

// checkUnpacked finds archives that BuildKit copied into the layer instead of unpacking them, as ADD would do too: that
// is never what a recipe means.
func (a *assembly) checkUnpacked(ctx context.Context, solved []solvedLayer) error {
	for _, s := range solved {
		if s.err != nil {
			continue
		}
		if err := a.checkCopied(ctx, s.ref, s.layer); err != nil {
			return err
		}
	}
	return nil
}

// conflicts are the reasons why merging would differ from unpacking one onto the other.
func (a *assembly) conflicts(ctx context.Context, solved []solvedLayer) ([]string, error) {
	var dirs []dirReader
	for _, s := range solved {
		if s.err != nil && (a.Layers == LayersMerge || lacksXZ(s.err)) {
			return nil, unpackError(s.err, *s.layer)
		}
		if s.err != nil { // a hard link into an earlier layer, say: only the chain can tell
			return []string{s.err.Error()}, nil
		}
		if !s.layer.Empty {
			dirs = append(dirs, s.ref)
		}
	}
	return conflicts(ctx, dirs)
}

func (a *assembly) merge(ctx context.Context, solved []solvedLayer) (st llb.State, hasWorkdir bool, err error) {
	for _, s := range solved {
		has, err := a.hasWorkdir(ctx, s.ref)
		if err != nil {
			return st, false, err
		}
		if has {
			hasWorkdir = true
			break
		}
	}
	return a.convert.Merge(a.full()), hasWorkdir, nil
}

func (a *assembly) chain(ctx context.Context) (st llb.State, hasWorkdir bool, err error) {
	layers := a.full()
	if len(layers) == 0 {
		return llb.Scratch(), a.plan.Config.Config.WorkingDir == "/", nil
	}
	st = a.convert.Chain(layers)
	ref, err := a.solveInTime(ctx, st)
	if err != nil {
		if err, again := a.chainError(ctx, err); !again {
			return st, false, err
		}
		return a.chain(ctx)
	}
	for i := range a.plan.Layers {
		l := &a.plan.Layers[i]
		if l.Empty {
			continue
		}
		if err := a.checkCopied(ctx, ref, l); err != nil {
			return st, false, err
		}
	}
	if len(a.full()) < len(layers) { // which ones are empty is known only now: leave them out
		return a.chain(ctx)
	}
	hasWorkdir, err = a.hasWorkdir(ctx, ref)
	return st, hasWorkdir, err
}

// chainError says which layer of a chain failed. Where it was an object that didn't arrive, all are fetched apart: what
// helps one is done there, and if that is enough, the chain is to be made again.
func (a *assembly) chainError(ctx context.Context, err error) (_ error, again bool) {
	if errors.Is(err, errStalled) {
		return a.stalledChain(err), false
	}
	st := llb.Scratch()
	for _, l := range a.full() {
		source, derr := vertexDigest(ctx, a.convert.Fetch(l))
		if derr == nil && failedAt(err, source) && !l.InContext {
			if a.fetched {
				return a.fetchError(ctx, err, l), false
			}
			a.fetched = true
			err := a.fetchApart(ctx)
			return err, err == nil
		}
		st = a.convert.Unpack(st, l)
		if unpack, derr := vertexDigest(ctx, st, llb.Platform(a.plan.Platform)); derr == nil && failedAt(err, unpack) {
			return unpackError(err, l), false
		}
	}
	return errors.Wrapf(err, "layers of %s", a.plan.Runtime), false
}

// stalledChain is a chain whose time has passed. Which object is to blame isn't known, and finding out would take as long.
func (a *assembly) stalledChain(err error) error {
	text := "one of these objects, or what unpacks them, takes too long"
	for _, l := range a.full() {
		if !l.InContext {
			text += "\n- " + (&fetchError{layer: l}).object()
		}
	}
	return errors.Wrapf(err, "layers of %s: %s\n", a.plan.Runtime, text)
}

// fetchApart fetches every object by itself.
func (a *assembly) fetchApart(ctx context.Context) error {
	solved := a.each(ctx, func(l *lambda2llb.Layer) llb.State { return a.convert.Fetch(*l) })
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := fetchErrors(solved); err != nil {
		return err
	}
	for _, s := range solved {
		if s.err != nil {
			return s.err
		}
	}
	return nil
}

// full are the layers that have anything in them.
func (a *assembly) full() []lambda2llb.Layer {
	return slices.DeleteFunc(slices.Clone(a.plan.Layers), func(l lambda2llb.Layer) bool { return l.Empty })
}

func (a *assembly) hasWorkdir(ctx context.Context, ref gateway.Reference) (bool, error) {
	st, err := find(ctx, ref, a.plan.Config.Config.WorkingDir)
	return st != nil && isDir(st), errors.Wrap(err, "working directory")
}

// vertexDigest is the digest of the vertex that a state ends in.
func vertexDigest(ctx context.Context, st llb.State, opts ...llb.ConstraintsOpt) (digest.Digest, error) {
	def, err := st.Marshal(ctx, opts...)
	if err != nil {
		return "", errors.Wrap(err, "marshal vertex")
	}
	return def.Head()
}
