package main

import (
	"fmt"
	"strings"
	"time"

	"lambdabase/internal/lfsstore"

	"github.com/docker/go-units"
	"github.com/moby/buildkit/client"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

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
			b.discarding = limits.all && limits.age == 0 && limits.size == 0
			return b.withRoomHint(b.withClient(c.Context(), func(bk *client.Client) error { return b.prune(c, bk, limits) }))
		},
	}
	f := c.Flags()
	b.addBackendFlags(f)
	f.BoolVar(&limits.all, "all", false, "everything")
	f.DurationVar(&limits.age, "keep-duration", 0, "keep what was used so lately")
	f.StringVar(&limits.sizeFlag, "keep-storage", "", "keep so much, as in 10GB")
	return c
}

// pruneLimits are what a prune leaves.
type pruneLimits struct {
	all      bool // nothing, also of what BuildKit keeps for itself
	age      time.Duration
	size     int64
	sizeFlag string
}

// withRoomHint adds to the error of a prune on a full disk what needs no room.
func (b *backend) withRoomHint(err error) error {
	if err == nil || b.discarding || b.addr != "" || !strings.Contains(err.Error(), "no space left on device") {
		return err
	}
	return errors.Errorf("%v: there is no room to write down what is removed: lambdabase prune --all removes the whole cache without", err)
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
	total += <-done + b.discarded
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
