package main

import (
	"lambdabase/frontend"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/spf13/cobra"
)

func newInspect() *cobra.Command {
	r := &request{}
	var asJSON bool
	c := &cobra.Command{
		Use:   "inspect RUNTIME [PATH]",
		Short: "Say what is inside a base image, and which layer brought a path",
		Example: `  lambdabase inspect nodejs20.x                  its layers, their files and sizes, the release of the system
  lambdabase inspect nodejs20.x /var/runtime     a folder
  lambdabase inspect nodejs20.x /etc/os-release  a file: which layer it is from, and which ones it took the place of`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: completeRuntime,
		RunE: func(c *cobra.Command, args []string) error {
			path := ""
			if len(args) == 2 {
				path = args[1]
			}
			return r.printReport(c, asJSON, map[string]string{"runtime": args[0]}, func(f frontend.Frontend) gateway.BuildFunc { return f.Inspect(path) })
		},
	}
	r.addFlags(c.Flags(), "quiet")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
