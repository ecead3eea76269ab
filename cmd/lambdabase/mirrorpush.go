package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"lambdabase/internal/mirror/store"

	"github.com/docker/go-units"
	"github.com/pkg/errors"
)

// push brings snapshots into the mirror, and says what came of it, and what can't be read to begin with.
func (m *mirrorCommand) push(ctx context.Context, w io.Writer, source store.Source, progress *mirrorProgress, wanted []store.Wanted, unread []error) (err error) {
	target, err := m.open(ctx, m.target, true)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := target.Close(); err == nil {
			err = closeErr
		}
	}()
	results, err := target.Push(ctx, source, wanted, progress)
	progress.end()
	mirrored := slices.DeleteFunc(slices.Clone(results), func(r store.Result) bool { return r.Err != nil })
	if printErr := printMirrored(w, mirrored); err == nil {
		err = printErr
	}
	if err == nil {
		err = target.WriteCatalog(ctx)
	}
	if err == nil {
		err = notMirrored(unread, results)
	}
	if m.keep > 0 && len(mirrored) > 0 && ctx.Err() == nil {
		if keepErr := m.keepNewest(ctx, w, target, mirrored); err == nil {
			err = keepErr
		}
	}
	return err
}

// printMirrored prints a line for each snapshot: its tag and digest, and what moved.
func printMirrored(w io.Writer, results []store.Result) error {
	if len(results) == 0 {
		return nil
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "TAG\tDIGEST\tMOVED\tWAS THERE\tLATEST")
	for _, r := range results {
		latest := ""
		if r.Latest {
			latest = r.Runtime
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", r.Tag, r.Digest(), amount(r.Moved), amount(r.Found), latest)
	}
	return tw.Flush()
}

func amount(a store.Amount) string {
	if a.Objects == 0 {
		return "-"
	}
	return fmt.Sprintf("%d, %s", a.Objects, units.HumanSize(float64(a.Bytes)))
}

// notMirrored is the error of the snapshots that aren't in the mirror, of so many: what keeps them, the commits first that can't be
// read, then what of them can't be had.
func notMirrored(unread []error, results []store.Result) error {
	all := slices.Clone(unread)
	for _, r := range results {
		if r.Err != nil {
			all = append(all, r.Err)
		}
	}
	return joinErrors(all, len(unread)+len(results))
}

// joinErrors makes one error of those of some snapshots, of so many.
func joinErrors(all []error, of int) error {
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	var lines strings.Builder
	for _, err := range all {
		fmt.Fprintf(&lines, "\n- %v", err)
	}
	return errors.Errorf("%d of %d snapshots aren't mirrored:%s", len(all), of, &lines)
}

// keepNewest removes what is older than the commits to keep.
func (m *mirrorCommand) keepNewest(ctx context.Context, w io.Writer, target *store.Mirror, results []store.Result) error {
	var runtimes []string
	for _, r := range results {
		if !slices.Contains(runtimes, r.Runtime) {
			runtimes = append(runtimes, r.Runtime)
		}
	}
	kept, err := target.Keep(ctx, runtimes, m.keep)
	for _, tag := range kept.Removed {
		fmt.Fprintf(w, "removed %s\n", tag)
	}
	for _, tag := range kept.Named {
		fmt.Fprintf(os.Stderr, "%s stays: a tag of somebody else's names the same\n", tag)
	}
	switch {
	case kept.Freed > 0:
		fmt.Fprintf(w, "freed %s\n", units.HumanSize(float64(kept.Freed)))
	case len(kept.Removed) > 0 && m.target.Layout == "":
		fmt.Fprintln(w, "what only these had is for the registry's garbage collection to free")
	}
	return errors.WithMessage(err, "all is mirrored, but older commits stay")
}
