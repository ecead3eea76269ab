package frontend

import (
	"context"
	"slices"
	"strings"

	"lambdabase/internal/lfsstore"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
)

// assembler puts the layers of one plan together.
type assembler struct {
	*request
	plan       *lambda2llb.Plan
	timeouts   timeouts
	batchErr   error // why the batch API can't be asked
	canBatch   bool  // what has no URL, or is refused there, can be got by the batch API
	convert    *lambda2llb.Converter
	prefetched bool // every object, after one had failed
}

// assemble gives the root filesystem that the recipe's ADDs make one after the other, and the image's config. Merging is
// how that is done in parallel, and where merging wouldn't give the same, the layers are chained as the recipe says.
func (r *request) assemble(ctx context.Context, plan *lambda2llb.Plan) (llb.State, *dockerspec.DockerOCIImage, error) {
	a, err := r.newAssembler(plan)
	if err != nil {
		return llb.State{}, nil, err
	}
	st, hasWorkdir, err := a.mergeOrChain(ctx)
	if err != nil {
		return llb.State{}, nil, err
	}
	if !hasWorkdir {
		st = a.convert.Workdir(st)
	}
	r.addBuiltPlan(plan)
	return st, plan.ImageConfig(!hasWorkdir), nil
}

func (r *request) newAssembler(plan *lambda2llb.Plan) (*assembler, error) {
	convert := lambda2llb.NewConverter(*plan, r.constraints...).WithContext(r.buildContext)
	a := &assembler{request: r, plan: plan, convert: convert}
	return a, a.setUpBatch()
}

// setUpBatch finds the way to the batch API, where that is needed or may be: the client asks it, or a step of ours does.
func (a *assembler) setUpBatch() error {
	needed := slices.ContainsFunc(a.plan.Layers, func(l lambda2llb.Layer) bool { return l.URL == "" && !l.InContext })
	if !needed && !a.plan.Fallback {
		return nil
	}
	if a.offerToStore() {
		a.canBatch = true
		return nil
	}
	st, err := a.request.newStep(a.plan.Repository, a.plan.LFSServer)
	if err != nil && !needed { // that may never come up
		a.batchErr = err
		return nil
	}
	if err != nil {
		return err
	}
	if st == nil && needed {
		return errors.Errorf("objects of %s must be asked for by the LFS batch API, by a step of the frontend's image, and this frontend runs from none: "+
			"name the image as option source, or give objects a URL template", a.plan.Repository)
	}
	if a.canBatch = st != nil; a.canBatch {
		a.convert.WithStep(*st)
	}
	return nil
}

// offerToStore offers the objects to the daemon as blobs of the client's store, if the client has one and the daemon takes such.
func (a *assembler) offerToStore() bool {
	caps := a.bc.BuildOpts().LLBCaps
	if a.store == nil || caps.Supports(pb.CapSourceImageBlob) != nil {
		return false
	}
	for _, l := range a.plan.Layers {
		if !l.InContext {
			a.store.Add(lfsstore.Origin{Repository: a.plan.Repository, Server: a.plan.LFSServer}, l.Object)
		}
	}
	a.convert.WithStore(lfsstore.StoreID, a.bc.BuildOpts().SessionID)
	return true
}

// mergeOrChain gives the ADDs alone, and whether the working directory came with them.
func (a *assembler) mergeOrChain(ctx context.Context) (st llb.State, hasWorkdir bool, err error) {
	switch {
	case a.Layers == LayersChain:
		return a.chain(ctx)
	case !a.canMerge():
		return a.chainFor(ctx, []string{"this daemon can't merge (BuildKit before 0.10, or Docker's graphdriver store)"})
	}
	solved := a.solveLayers(ctx)
	if ctx.Err() != nil {
		return st, false, errors.Wrapf(context.Cause(ctx), "layers of %s", a.plan.Runtime)
	}
	if err := a.finalError(solved); err != nil {
		return st, false, err
	}
	conflicts, err := a.findConflicts(ctx, solved)
	switch {
	case err != nil:
		return st, false, err
	case len(conflicts) == 0:
		return a.merge(ctx, solved)
	case a.Layers == LayersMerge:
		return st, false, errors.Errorf("layers=merge would differ from the recipe of %s, layers=auto gives what it says: %s",
			a.plan.Runtime, strings.Join(conflicts[:min(len(conflicts), 5)], "; "))
	}
	return a.chainFor(ctx, conflicts)
}

// chainFor chains layers that can't be merged, and warns of it once that has given an image.
func (a *assembler) chainFor(ctx context.Context, reasons []string) (st llb.State, hasWorkdir bool, err error) {
	st, hasWorkdir, err = a.chain(ctx)
	if err == nil {
		a.warnChain(ctx, reasons)
	}
	return st, hasWorkdir, err
}

// findConflicts returns the reasons why merging would differ from unpacking one onto the other.
func (a *assembler) findConflicts(ctx context.Context, solved []solvedLayer) ([]string, error) {
	var dirs []dirReader
	for _, s := range solved {
		if s.err != nil { // a hard link into an earlier layer, say: only the chain can tell
			return []string{s.err.Error()}, nil
		}
		if !s.layer.Empty {
			dirs = append(dirs, s.ref)
		}
	}
	return findConflicts(ctx, dirs)
}

func (a *assembler) merge(ctx context.Context, solved []solvedLayer) (st llb.State, hasWorkdir bool, err error) {
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
	return a.convert.Merge(a.nonEmptyLayers()), hasWorkdir, nil
}

// nonEmptyLayers are the layers that have anything in them.
func (a *assembler) nonEmptyLayers() []lambda2llb.Layer {
	return slices.DeleteFunc(slices.Clone(a.plan.Layers), func(l lambda2llb.Layer) bool { return l.Empty })
}

func (a *assembler) hasWorkdir(ctx context.Context, ref gateway.Reference) (bool, error) {
	st, err := lookup(ctx, ref, a.plan.Config.Config.WorkingDir)
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
