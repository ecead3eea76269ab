package main

import (
	"lambdabase/frontend/subrequests/plan"

	"github.com/spf13/cobra"
)

func newPlan() *cobra.Command {
	r := &request{}
	var asJSON bool
	c := &cobra.Command{
		Use:   "plan RUNTIME",
		Short: "Say what a base image is made of, before anything of it is fetched",
		Example: `  lambdabase plan nodejs20.x
  lambdabase plan nodejs20.x --platform linux/amd64,linux/arm64 --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeRuntime,
		RunE: func(c *cobra.Command, args []string) error {
			return r.printReport(c, asJSON, map[string]string{"runtime": args[0], "requestid": plan.Name}, buildFunc)
		},
	}
	r.addFlags(c.Flags(), "quiet")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
