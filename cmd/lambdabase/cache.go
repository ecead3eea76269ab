package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"lambdabase/internal/printable"

	"github.com/docker/go-units"
	"github.com/moby/buildkit/client"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

func newUsage() *cobra.Command {
	p := &place{}
	c := &cobra.Command{
		Use:   "du",
		Short: "Say what the cache holds",
		Example: `  lambdabase du
  lambdabase du --addr docker-container://buildkitd  that of a daemon`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.within(c.Context(), func(bk *client.Client) error {
				records, err := bk.DiskUsage(c.Context())
				if err != nil {
					return err
				}
				return p.printUsage(c, records)
			})
		},
	}
	p.flags(c.Flags())
	return c
}

// within does something with BuildKit.
func (p *place) within(ctx context.Context, do func(*client.Client) error) error {
	if err := p.enter(ctx); err != nil {
		return err
	}
	c, end, err := p.connect(ctx)
	if err != nil {
		return err
	}
	err = p.reached(do(c))
	if cerr := end(); err == nil {
		err = cerr
	}
	return err
}

func (p *place) printUsage(c *cobra.Command, records []*client.UsageInfo) error {
	slices.SortFunc(records, func(a, b *client.UsageInfo) int { return cmp.Compare(b.Size, a.Size) })
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SIZE\tLAST USED\tWHAT")
	var total int64
	for _, r := range records {
		total += r.Size
		fmt.Fprintf(w, "%s\t%s\t%s\n", units.HumanSize(float64(r.Size)), ago(r.LastUsedAt), printable.Name(r.Description))
	}
	if p.addr == "" {
		n, err := p.objectsSize()
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

// objectsSize is what fetched objects take, in bytes.
func (p *place) objectsSize() (total int64, err error) {
	dir, err := p.folder("objects")
	if err != nil {
		return 0, err
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			total += info.Size()
		}
	}
	return total, err
}

func newPrune() *cobra.Command {
	p := &place{}
	var all bool
	var keep time.Duration
	var size string
	c := &cobra.Command{
		Use:   "prune",
		Short: "Make the cache smaller",
		Example: `  lambdabase prune                        what nothing else in the cache is made of
  lambdabase prune --keep-duration 168h   what wasn't used for a week
  lambdabase prune --all                  everything, LFS objects too`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var bytes int64
			if size != "" {
				var err error
				if bytes, err = units.RAMInBytes(size); err != nil {
					return &usageError{errors.Wrap(err, "--keep-storage"), c.CommandPath()}
				}
			}
			opts := []client.PruneOption{client.WithKeepOpt(keep, 0, bytes, 0)}
			if all {
				opts = append(opts, client.PruneAll)
			}
			return p.within(c.Context(), func(bk *client.Client) error { return p.prune(c, bk, all, opts) })
		},
	}
	f := c.Flags()
	p.flags(f)
	f.BoolVar(&all, "all", false, "everything, LFS objects too")
	f.DurationVar(&keep, "keep-duration", 0, "keep what was used so lately")
	f.StringVar(&size, "keep-storage", "", "keep so much, as in 10GB")
	return c
}

func (p *place) prune(c *cobra.Command, bk *client.Client, all bool, opts []client.PruneOption) error {
	freed, done := make(chan client.UsageInfo), make(chan int64)
	go func() {
		var total int64
		for r := range freed {
			total += r.Size
		}
		done <- total
	}()
	err := bk.Prune(c.Context(), freed, opts...)
	close(freed)
	total := <-done
	if err != nil {
		return err
	}
	if all && p.addr == "" {
		n, err := p.pruneObjects()
		if err != nil {
			return err
		}
		total += n
	}
	fmt.Fprintf(c.OutOrStdout(), "freed %s\n", units.HumanSize(float64(total)))
	return nil
}

func (p *place) pruneObjects() (int64, error) {
	n, err := p.objectsSize()
	if err != nil {
		return 0, err
	}
	dir, err := p.folder("objects")
	if err != nil {
		return 0, err
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if rerr := os.Remove(filepath.Join(dir, e.Name())); err == nil {
			err = rerr
		}
	}
	return n, errors.Wrap(err, "LFS objects")
}
