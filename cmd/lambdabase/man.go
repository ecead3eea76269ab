package main

import (
	"os"
	"strconv"
	"time"

	"github.com/pkg/errors"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newMan is for those who pack the program: a release, and whoever has it in a distribution.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "Write the man pages of all commands into a folder",
		Example: "  lambdabase man share/man/man1",
		Args:    cobra.ExactArgs(1),
		Hidden:  true,
		RunE:    func(c *cobra.Command, args []string) error { return writeManPages(c.Root(), args[0]) },
	}
}

// writeManPages dates pages by SOURCE_DATE_EPOCH, so that a release made twice is the same.
func writeManPages(root *cobra.Command, dir string) error {
	header := &doc.GenManHeader{Section: "1", Source: "lambdabase " + currentVersions().version, Manual: "lambdabase"}
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return errors.Errorf("SOURCE_DATE_EPOCH is %q, and no number of seconds", epoch)
		}
		date := time.Unix(seconds, 0).UTC()
		header.Date = &date
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return errors.Wrap(err, "man pages")
	}
	root.DisableAutoGenTag = true
	return errors.Wrap(doc.GenManTree(root, header, dir), "man pages")
}
