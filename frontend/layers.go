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

// assembly puts the layers of one plan together.
type assembly struct {
	*request
	plan    *lambda2llb.Plan
	clocks  clocks
	noBatch error // why the batch API can't be asked
	batch   bool  // what has no URL, or is refused there, can be got by the batch API
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
	a := &assembly{request: r, plan: plan, convert: convert}
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
			a.objects.Add(lfsstore.Origin{Repository: a.plan.Repository, Server: a.plan.Server}, l.Object)
		}
	}
	a.convert.ByStore(lfsstore.StoreID, a.bc.BuildOpts().SessionID)
	return true
}

// layers are the ADDs alone, and whether the working directory came with them.
func (a *assembly) layers(ctx context.Context) (st llb.State, hasWorkdir bool, err error) {
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
	return a.chainFor(ctx, conflicts)
}

// chainFor chains layers that can't be merged, and warns of it once that has given an image.
func (a *assembly) chainFor(ctx context.Context, reasons []string) (st llb.State, hasWorkdir bool, err error) {
	st, hasWorkdir, err = a.chain(ctx)
	if err == nil {
		a.warnChain(ctx, reasons)
	}
	return st, hasWorkdir, err
}

// conflicts are the reasons why merging would differ from unpacking one onto the other.
func (a *assembly) conflicts(ctx context.Context, solved []solvedLayer) ([]string, error) {
	var dirs []dirReader
	for _, s := range solved {
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
