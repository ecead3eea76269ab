package main

import (
	"context"
	"sync"

	"lambdabase/frontend"
	"lambdabase/frontend/subrequests/lock"
	"lambdabase/internal/document"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
)

// documents are what commits say of runtimes: the answers of lambda.lock.
type documents struct {
	mu sync.Mutex
	*document.Lock
	failed []error // of the runtimes that buildOrNote has no answer for
}

func newDocuments() *documents { return &documents{Lock: document.NewLock()} }

// build asks the frontend, and keeps the answer.
func (d *documents) build(f frontend.Frontend) gateway.BuildFunc {
	return func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		res, err := f.Build(ctx, c)
		if err != nil {
			return nil, err
		}
		answer, err := document.ParseLock("answer", res.Metadata["result.json"])
		if err != nil {
			return nil, err
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, snapshot := range answer.Snapshots {
			d.Set(snapshot)
		}
		return res, nil
	}
}

// buildOrNote is build that answers nothing where it fails, and notes why: others are not to end with it.
func (d *documents) buildOrNote(f frontend.Frontend) gateway.BuildFunc {
	build := d.build(f)
	return func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		res, err := build(ctx, c)
		if err == nil || ctx.Err() != nil {
			return res, err
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.failed = append(d.failed, errors.WithMessage(err, c.BuildOpts().Opts["runtime"]))
		return gateway.NewResult(), nil
	}
}

// newDocumentTarget asks for what a commit says of a runtime.
func (r *request) newDocumentTarget(runtime string, into *documents) (target, error) {
	attrs, err := r.attrs()
	if err != nil {
		return target{}, err
	}
	attrs["runtime"], attrs["requestid"] = runtime, lock.Name
	return target{name: runtime, attrs: attrs, build: into.build}, nil
}
