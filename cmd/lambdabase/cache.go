package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"lambdabase/internal/lfsstore"
	"lambdabase/internal/printable"

	"github.com/docker/go-units"
	"github.com/moby/buildkit/client"
	"github.com/pkg/errors"
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

// withClient calls do with a client of BuildKit.
func (b *backend) withClient(ctx context.Context, do func(*client.Client) error) error {
	if err := b.reexec(ctx, os.Stdin); err != nil {
		return err
	}
	c, end, err := b.connect(ctx)
	if err != nil {
		return err
	}
	err = b.wrapUnavailable(do(c))
	if closeErr := end(); err == nil {
		err = closeErr
	}
	return err
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

// objectsSize returns what fetched objects take, in bytes.
func (b *backend) objectsSize() (int64, error) {
	dir, err := b.cachePath("objects")
	if err != nil {
		return 0, err
	}
	return lfsstore.Size(dir)
}

// pruneLimits are what a prune leaves.
type pruneLimits struct {
	all      bool // nothing, also of what BuildKit keeps for itself
	age      time.Duration
	size     int64
	sizeFlag string
}

func newPrune() *cobra.Command {
	b, limits := &backend{pruning: true}, &pruneLimits{}
	c := &cobra.Command{
		Use:   "prune",
		Short: "Make the cache smaller",
		Example: `  lambdabase prune                        what nothing else in the cache is made of
  lambdabase prune --keep-duration 168h   what wasn't used for a week
  lambdabase prune --all                  everything`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if limits.sizeFlag != "" {
				if limits.size, err = units.RAMInBytes(limits.sizeFlag); err != nil {
					return &usageError{errors.Wrap(err, "--keep-storage"), c.CommandPath()}
				}
			}
			return b.withClient(c.Context(), func(bk *client.Client) error { return b.prune(c, bk, limits) })
		},
	}
	f := c.Flags()
	b.addBackendFlags(f)
	f.BoolVar(&limits.all, "all", false, "everything")
	f.DurationVar(&limits.age, "keep-duration", 0, "keep what was used so lately")
	f.StringVar(&limits.sizeFlag, "keep-storage", "", "keep so much, as in 10GB")
	return c
}

func (b *backend) prune(c *cobra.Command, bk *client.Client, limits *pruneLimits) error {
	var total int64
	if b.addr == "" {
		n, left, err := b.pruneObjects(limits)
		if err != nil {
			return err
		}
		total = n
		if limits.size > 0 {
			limits.size = max(1, limits.size-left) // 0 would be no limit
		}
	}
	freed, done := make(chan client.UsageInfo), make(chan int64)
	go func() {
		var total int64
		for r := range freed {
			total += r.Size
		}
		done <- total
	}()
	opts := []client.PruneOption{client.WithKeepOpt(limits.age, 0, limits.size, 0)}
	if limits.all {
		opts = append(opts, client.PruneAll)
	}
	err := bk.Prune(c.Context(), freed, opts...)
	close(freed)
	total += <-done
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "freed %s\n", units.HumanSize(float64(total)))
	return nil
}

// pruneObjects removes LFS objects, which are those of builds that failed: BuildKit has the others.
func (b *backend) pruneObjects(limits *pruneLimits) (freed, left int64, err error) {
	dir, err := b.cachePath("objects")
	if err != nil {
		return 0, 0, err
	}
	freed, err = lfsstore.Prune(dir, func(age time.Duration, total int64) bool { return age >= limits.age && total >= limits.size })
	if err != nil {
		return freed, 0, err
	}
	left, err = lfsstore.Size(dir)
	return freed, left, err
}
