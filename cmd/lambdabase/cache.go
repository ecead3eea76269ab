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
	if err := p.enter(ctx, os.Stdin); err != nil {
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
func (p *place) objectsSize() (int64, error) {
	dir, err := p.path("objects")
	if err != nil {
		return 0, err
	}
	return lfsstore.Size(dir)
}

// keeping is what a prune leaves.
type keeping struct {
	all      bool // nothing, also of what BuildKit keeps for itself
	age      time.Duration
	size     int64
	sizeFlag string
}

func newPrune() *cobra.Command {
	p, keep := &place{freeing: true}, &keeping{}
	c := &cobra.Command{
		Use:   "prune",
		Short: "Make the cache smaller",
		Example: `  lambdabase prune                        what nothing else in the cache is made of
  lambdabase prune --keep-duration 168h   what wasn't used for a week
  lambdabase prune --all                  everything`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if keep.sizeFlag != "" {
				if keep.size, err = units.RAMInBytes(keep.sizeFlag); err != nil {
					return &usageError{errors.Wrap(err, "--keep-storage"), c.CommandPath()}
				}
			}
			return p.within(c.Context(), func(bk *client.Client) error { return p.prune(c, bk, keep) })
		},
	}
	f := c.Flags()
	p.flags(f)
	f.BoolVar(&keep.all, "all", false, "everything")
	f.DurationVar(&keep.age, "keep-duration", 0, "keep what was used so lately")
	f.StringVar(&keep.sizeFlag, "keep-storage", "", "keep so much, as in 10GB")
	return c
}

func (p *place) prune(c *cobra.Command, bk *client.Client, keep *keeping) error {
	var total int64
	if p.addr == "" {
		n, left, err := p.pruneObjects(keep)
		if err != nil {
			return err
		}
		total = n
		if keep.size > 0 {
			keep.size = max(1, keep.size-left) // 0 would be no limit
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
	opts := []client.PruneOption{client.WithKeepOpt(keep.age, 0, keep.size, 0)}
	if keep.all {
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
func (p *place) pruneObjects(keep *keeping) (freed, left int64, err error) {
	dir, err := p.path("objects")
	if err != nil {
		return 0, 0, err
	}
	freed, err = lfsstore.Prune(dir, func(age time.Duration, total int64) bool { return age >= keep.age && total >= keep.size })
	if err != nil {
		return freed, 0, err
	}
	left, err = lfsstore.Size(dir)
	return freed, left, err
}
