package main

import (
	"context"

	"lambdabase/frontend"
	"lambdabase/internal/document"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
)

// lockAnswers are the answers of lambda.lock for the runtimes of a lock file.
type lockAnswers struct {
	found   *document.Lock // what the repository says today
	locked  *document.Lock // what it says of the commits of the lock file, but those that are gone
	checked bool           // these were asked for
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
