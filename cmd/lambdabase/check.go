package main

import (
	"context"
	"encoding/json"
	"io"

	"lambdabase/internal/lambdarules"
	"lambdabase/internal/printable"

	"github.com/containerd/platforms"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

type checkCommand struct {
	platform string
	secrets  []string
	json     bool
}

func newCheck() *cobra.Command {
	k := &checkCommand{}
	c := &cobra.Command{
		Use:   "check IMAGE",
		Short: "Say whether AWS Lambda takes an image, rule by rule, and what to do where it doesn't",
		Long: `Say whether AWS Lambda takes an image, rule by rule, and what to do where it doesn't. The image is one of a registry, whose layers are
read and not kept, an OCI archive, a folder that is an OCI layout, or an archive of docker save. It exits with 1 if a rule fails, and
with 2 where there is no such image, or it can't be read. docs/check.md has the rules.`,
		Example: `  lambdabase check registry.example/function:1
  lambdabase check nodejs20.x.tar --json
  lambdabase check registry.example/base:nodejs20.x --platform linux/arm64`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return k.run(c, args[0]) },
	}
	f := c.Flags()
	f.StringVar(&k.platform, "platform", "", "platform of an index to look at; that of its only image")
	f.BoolVar(&k.json, "json", false, "print JSON")
	f.StringArrayVar(&k.secrets, "secret", nil, "secret; id=LAMBDABASE_CA has certificates to trust a registry by")
	return c
}

func (k *checkCommand) run(c *cobra.Command, name string) error {
	options, err := k.options()
	if err != nil {
		return &usageError{err, c.CommandPath()}
	}
	secrets, err := newSecretStore(k.secrets)
	if err != nil {
		return &usageError{err, c.CommandPath()}
	}
	report, err := checkImage(c.Context(), imageSource{name: name, caPEM: secrets.caPEM}, options)
	if err != nil && c.Context().Err() == nil {
		printError(err)
		return exitCodeError(exitUsage)
	}
	if err != nil {
		return err
	}
	if err := k.print(c.OutOrStdout(), report); err != nil {
		return err
	}
	if !report.OK {
		return exitCodeError(exitFailed)
	}
	return nil
}

func (k *checkCommand) options() (o lambdarules.Options, err error) {
	if k.platform == "" {
		return o, nil
	}
	p, err := platforms.Parse(k.platform)
	if err != nil {
		return o, errors.Wrap(err, "--platform")
	}
	o.Platform = &p
	return o, nil
}

func (k *checkCommand) print(w io.Writer, report *lambdarules.Report) error {
	if !k.json {
		return printCheck(w, report)
	}
	dt, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(printable.JSON(dt), '\n'))
	return err
}

// checkImage checks an image wherever it is.
func checkImage(ctx context.Context, source imageSource, o lambdarules.Options) (*lambdarules.Report, error) {
	image, closer, err := source.open(ctx)
	if err != nil {
		return nil, err
	}
	defer closer()
	report, err := lambdarules.Check(ctx, source.name, image, o)
	return report, errors.Wrap(err, printable.Name(source.name))
}
