package frontend

import (
	"context"
	"slices"

	"lambdabase/internal/lfsstore"
	"lambdabase/llb/lambda2llb"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
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
	st, err := a.newBatchStep()
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

// newBatchStep returns the step that asks the batch API; nil where none can be run.
func (a *assembler) newBatchStep() (*lambda2llb.Step, error) {
	repo, err := newRemote(a.plan.Repository, a.KnownHosts)
	if err != nil {
		return nil, err
	}
	return a.newStep(repo, a.plan.LFSServer)
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

// nonEmptyLayers are the layers that have anything in them.
func (a *assembler) nonEmptyLayers() []lambda2llb.Layer {
	return slices.DeleteFunc(slices.Clone(a.plan.Layers), func(l lambda2llb.Layer) bool { return l.Empty })
}

func (a *assembler) hasWorkdir(ctx context.Context, ref gateway.Reference) (bool, error) {
	st, err := lookup(ctx, ref, a.plan.Config.Config.WorkingDir)
	return st != nil && isDir(st), errors.Wrap(err, "working directory")
}
