package frontend

import (
	"context"

	"lambdabase/internal/lfsstore"
	"lambdabase/internal/rootfs"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
)

// assembler puts the layers of one plan together.
type assembler struct {
	*request
	plan       *lambda2llb.Plan
	layers     []*pendingLayer // of the plan's layers
	timeouts   timeouts
	batchErr   error // why the batch API can't be asked
	canBatch   bool  // what has no URL, or is refused there, can be got by the batch API
	stored     bool  // by the client, in whose store the objects are then
	convert    *lambda2llb.Converter
	prefetched bool // every object, after one had failed
	chainCut   bool // what is left out of each layer of a chain is known
	gating     gating
	begun      <-chan rootfs.DirReader // what solveCached goes on with; nil: nothing
}

// pendingLayer is how far a layer has come.
type pendingLayer struct {
	lambda2llb.Attempt
	empty       bool     // its archive is a tar without entries
	brought     []string // what is left out of it, and wasn't below it
	sizeUnknown bool     // its object isn't to be had any more, only what came of it
}

// gating is whether the check of the layers may be a step that their merge is behind.
type gating int

const (
	noGate      gating = iota // they are looked at
	solvedGate                // the step has run when they have been put together
	splicedGate               // it runs with what the merge is spliced into, and may fail then
)

func (r *request) newAssembler(plan *lambda2llb.Plan) (*assembler, error) {
	a := &assembler{request: r, plan: plan, convert: lambda2llb.NewConverter(*plan, r.constraints...)}
	for _, l := range plan.Layers {
		a.layers = append(a.layers, &pendingLayer{Attempt: lambda2llb.Attempt{Layer: l}})
		if url, ok := l.Origin.(lambda2llb.HTTPOrigin); ok && r.onObjectURL != nil {
			r.onObjectURL(url.Address, l.Size)
		}
	}
	if err := checkExclude(plan); err != nil {
		return nil, err
	}
	return a, a.setUpBatch()
}

// batchOrigin is the batch API as the plan names it, for objects that can't be had otherwise or that a URL may refuse.
func (a *assembler) batchOrigin() (batch lambda2llb.LFSOrigin, needed, named bool) {
	for _, l := range a.plan.Layers {
		if found, ok := l.Origin.(lambda2llb.LFSOrigin); ok {
			return found, true, true
		}
		if url, ok := l.Origin.(lambda2llb.HTTPOrigin); ok && !named {
			batch, named = url.Fallback.(lambda2llb.LFSOrigin)
		}
	}
	return batch, false, named
}

// setUpBatch finds the way to the batch API, where that is needed or may be: the client asks it, or a step of ours does.
func (a *assembler) setUpBatch() error {
	batch, needed, named := a.batchOrigin()
	if !named {
		return nil
	}
	if a.offerToStore(batch) {
		a.canBatch, a.stored = true, true
		return nil
	}
	st, err := a.newBatchStep(batch)
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
func (a *assembler) newBatchStep(batch lambda2llb.LFSOrigin) (*lambda2llb.Step, error) {
	repo, err := newRemote(batch.Repository, a.KnownHosts)
	if err != nil {
		return nil, err
	}
	return a.newStep(repo, batch.Server)
}

// offerToStore offers the objects to the daemon as blobs of the client's store, if the client has one and the daemon takes such.
func (a *assembler) offerToStore(batch lambda2llb.LFSOrigin) bool {
	if a.store == nil || !a.hasBlobSource() {
		return false
	}
	for _, l := range a.plan.Layers {
		if l.IsObject() {
			a.store.Add(lfsstore.Remote{Repository: batch.Repository, Server: batch.Server}, l.Object)
		}
	}
	a.convert.WithStore(lfsstore.StoreID, a.bc.BuildOpts().SessionID)
	return true
}

// nonEmptyLayers returns the layers that have anything in them, as far as that is known.
func (a *assembler) nonEmptyLayers() (layers []lambda2llb.Attempt) {
	for _, l := range a.layers {
		if !l.empty {
			layers = append(layers, l.Attempt)
		}
	}
	return layers
}

// rootFS is what has come of the layers.
func (a *assembler) rootFS(st llb.State, hasWorkdir bool) *lambda2llb.RootFS {
	fs := &lambda2llb.RootFS{State: st, HasWorkdir: hasWorkdir}
	for _, l := range a.layers {
		fs.Empty, fs.Origins = append(fs.Empty, l.empty), append(fs.Origins, l.Origin)
		fs.Gone, fs.Excluded = append(fs.Gone, l.Gone), append(fs.Excluded, l.brought)
	}
	return fs
}

func (a *assembler) hasWorkdir(ctx context.Context, ref gateway.Reference) (bool, error) {
	st, err := rootfs.Lookup(ctx, ref, a.plan.Config.Config.WorkingDir)
	return st != nil && rootfs.IsDir(st), errors.Wrap(err, "working directory")
}
