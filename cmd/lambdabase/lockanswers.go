package main

import (
	"context"
	"sync"

	"lambdabase/frontend"
	"lambdabase/internal/document"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
)

// lockAnswers are the answers of lambda.lock for several runtimes.
type lockAnswers struct {
	mu      sync.Mutex
	found   *document.Lock // what the repository says today
	locked  *document.Lock // what it says of the commits of the lock file, but those that are gone
	checked bool           // these were asked for
}

// addTo returns what adds an answer to a lock.
func (a *lockAnswers) addTo(all *document.Lock) func(frontend.Frontend) gateway.BuildFunc {
	return func(f frontend.Frontend) gateway.BuildFunc {
		return func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
			res, err := f.Build(ctx, c)
			if err != nil {
				return nil, err
			}
			answer, err := document.ParseLock("answer", res.Metadata["result.json"])
			if err != nil {
				return nil, err
			}
			a.mu.Lock()
			defer a.mu.Unlock()
			for _, snapshot := range answer.Snapshots {
				all.Set(snapshot)
			}
			return res, nil
		}
	}
}

// unlessGone returns what answers nothing where the commit is gone.
func unlessGone(build func(frontend.Frontend) gateway.BuildFunc) func(frontend.Frontend) gateway.BuildFunc {
	return func(f frontend.Frontend) gateway.BuildFunc {
		return func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
			res, err := build(f)(ctx, c)
			if errors.Is(err, frontend.ErrCommitGone) {
				return gateway.NewResult(), nil
			}
			return res, err
		}
	}
}
