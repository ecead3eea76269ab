package main

import (
	"fmt"

	"lambdabase/internal/typo"

	"github.com/pkg/errors"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "lambdabase",
		Short: "AWS Lambda's base images, built from AWS's artifacts",
		Long: `lambdabase builds the base images of AWS Lambda from the artifacts that AWS publishes in Git, and images on them.
BuildKit is inside: it needs neither Docker nor a daemon, but git and xz.`,
		Example: `  lambdabase list                                           the runtimes that there are
  lambdabase plan nodejs20.x                                what an image is made of, before anything is fetched
  lambdabase build nodejs20.x -o nodejs20.x.tar             an OCI archive
  lambdabase build nodejs20.x -o type=docker | docker load  into Docker
  lambdabase build nodejs20.x python3.12 --platform linux/arm64 -t registry.example/base:{runtime} --push
  lambdabase build -f Dockerfile -t registry.example/function --push .
  lambdabase inspect nodejs20.x /var/runtime                what is inside, and which layer brought it
  lambdabase build nodejs20.x --sample -o nodejs20.x.tar    try it without a network`,
		Version:       currentVersions().version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		newBuild(), newList(), newPlan(), newLock(), newMirror(), newInspect(), newDiff(), newCheck(),
		newDiskUsage(), newPrune(), newSample(), newVersion(), newMan(),
	)
	for _, c := range append(root.Commands(), root) {
		wrapUsageErrors(c)
	}
	return root
}

// wrapUsageErrors makes errors of flags and arguments errors of usage.
func wrapUsageErrors(c *cobra.Command) {
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return &usageError{withFlagNameHint(c, err), c.CommandPath()} })
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return &usageError{err, c.CommandPath()}
			}
			return nil
		}
	}
}

// withFlagNameHint adds to the error of a flag that there isn't the one that it may be meant to be.
func withFlagNameHint(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return err
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if near := typo.Nearest(unknown.GetSpecifiedName(), names); near != "" {
		return fmt.Errorf("%w (did you mean --%s?)", err, near)
	}
	return err
}
