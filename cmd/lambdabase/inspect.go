package main

import (
	"context"

	"lambdabase/frontend"
	"lambdabase/frontend/subrequests"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

func newInspect() *cobra.Command {
	r := &request{}
	var asJSON bool
	var asked question
	c := &cobra.Command{
		Use:   "inspect RUNTIME [PATH]",
		Short: "Say what is inside a base image: its layers, its packages, or a path and which layer brought it",
		Example: `  lambdabase inspect nodejs20.x                  its layers, their files and sizes, the release of the system
  lambdabase inspect nodejs20.x /var/runtime     a folder
  lambdabase inspect nodejs20.x /etc/os-release  a file: which layer it is from, and which ones it took the place of
  lambdabase inspect nodejs20.x --packages       the packages of the system, as its rpm database has them`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: completeRuntime,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 2 {
				asked.path = args[1]
			}
			if asked.packages && asked.path != "" {
				return &usageError{errors.New("--packages are those of the whole image: leave out the path"), c.CommandPath()}
			}
			return r.printReport(c, asJSON, map[string]string{"runtime": args[0]}, inspectFunc(asked))
		},
	}
	r.addFlags(c.Flags(), "quiet")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&asked.packages, "packages", false, "list the packages that are installed")
	return c
}

// inspectFunc returns what looks into an image, in place of building it.
func inspectFunc(asked question) func(frontend.Frontend) gateway.BuildFunc {
	look := func(ctx context.Context, image *frontend.UnpackedImage) (*gateway.Result, error) {
		report, err := newImageReport(ctx, image, asked)
		if err != nil {
			return nil, err
		}
		return subrequests.Result(report, printImage, "1.0.0")
	}
	return func(f frontend.Frontend) gateway.BuildFunc { return f.Inspect(look) }
}
