package main

import (
	"context"
	"os"

	"lambdabase/frontend"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

// answer asks for something to read in place of an image, and prints it.
func (r *request) answer(c *cobra.Command, asJSON bool, attrs map[string]string, build func(frontend.Frontend) gateway.BuildFunc) error {
	r.noRun = attrs["runtime"] != ""
	if err := r.check(attrs["runtime"]); err != nil {
		return &usageError{err, c.CommandPath()}
	}
	if err := r.enter(c.Context(), os.Stdin); err != nil {
		return err
	}
	a, err := r.open(c.Context())
	if err != nil {
		return err
	}
	defer a.close()
	own, err := r.attrs()
	if err != nil {
		return err
	}
	for name, value := range attrs {
		own[name] = value
	}
	var said *gateway.Result
	j := job{attrs: own, handle: func(res *gateway.Result) { said = res }, build: build}
	if _, err := a.ask(c.Context(), j); err != nil {
		return err
	}
	name := "result.txt"
	if asJSON {
		name = "result.json"
	}
	if said == nil || said.Metadata[name] == nil {
		return errors.New("no answer")
	}
	_, err = os.Stdout.Write(append(said.Metadata[name], '\n'))
	return err
}

// plainly is what a frontend does if nothing else is asked of it.
func plainly(f frontend.Frontend) gateway.BuildFunc {
	return func(ctx context.Context, c gateway.Client) (*gateway.Result, error) { return f.Build(ctx, c) }
}
