package main

import (
	"cmp"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"lambdabase/internal/printable"

	"github.com/docker/go-units"
	"github.com/moby/buildkit/client"
	"github.com/spf13/cobra"
)

func newDiskUsage() *cobra.Command {
	b := &backend{}
	c := &cobra.Command{
		Use:   "du",
		Short: "Say what the cache holds",
		Example: `  lambdabase du
  lambdabase du --addr docker-container://buildkitd  that of a daemon`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return b.withClient(c.Context(), func(bk *client.Client) error {
				records, err := bk.DiskUsage(c.Context())
				if err != nil {
					return err
				}
				return b.printDiskUsage(c, records)
			})
		},
	}
	b.addBackendFlags(c.Flags())
	return c
}

func (b *backend) printDiskUsage(c *cobra.Command, records []*client.UsageInfo) error {
	slices.SortFunc(records, func(a, b *client.UsageInfo) int { return cmp.Compare(b.Size, a.Size) })
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SIZE\tLAST USED\tWHAT")
	var total int64
	for _, r := range records {
		total += r.Size
		fmt.Fprintf(w, "%s\t%s\t%s\n", units.HumanSize(float64(r.Size)), ago(r.LastUsedAt), printable.Name(r.Description))
	}
	if b.addr == "" {
		n, err := b.objectsSize()
		if err != nil {
			return err
		}
		total += n
		fmt.Fprintf(w, "%s\t\tLFS objects\n", units.HumanSize(float64(n)))
	}
	fmt.Fprintf(w, "%s\t\ttotal\n", units.HumanSize(float64(total)))
	return w.Flush()
}

func ago(at *time.Time) string {
	if at == nil {
		return ""
	}
	return units.HumanDuration(time.Since(*at)) + " ago"
}
