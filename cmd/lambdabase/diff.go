package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"

	"lambdabase/frontend"
	"lambdabase/frontend/subrequests"
	"lambdabase/frontend/subrequests/plan"

	"github.com/containerd/containerd/v2/core/content"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

type diffCommand struct {
	request
	json, exitCode bool
}

func newDiff() *cobra.Command {
	d := &diffCommand{}
	c := &cobra.Command{
		Use:   "diff A B",
		Short: "Say what differs between two images: layers, settings, packages and files",
		Long: `Say what differs between two images: layers, settings, packages and files. Either is a runtime, as its branch or a commit of it
has it (RUNTIME, RUNTIME@COMMIT), or as a lock file has it, an image of a registry, or an OCI archive. Of two runtimes only the
layers that differ are fetched, and their files alone are compared.`,
		Example: `  lambdabase diff lambda.lock.json nodejs20.x             what an update would bring
  lambdabase diff nodejs20.x registry.example/base:nodejs20.x
  lambdabase diff old.tar new.tar --exit-code --json`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			d.noRun = true
			all, err := d.parse(args)
			if err != nil {
				return &usageError{err, c.CommandPath()}
			}
			if err := d.reexec(c.Context(), os.Stdin); err != nil {
				return err
			}
			return d.run(c.Context(), c.OutOrStdout(), all)
		},
	}
	d.addFlags(c.Flags(), "quiet")
	c.Flags().BoolVar(&d.json, "json", false, "print JSON")
	c.Flags().BoolVar(&d.exitCode, "exit-code", false, "exit with 1 if anything differs")
	return c
}

func (d *diffCommand) parse(args []string) ([]comparison, error) {
	if d.flagSet.Changed("lock") || d.flagSet.Changed("commit") {
		return nil, errors.New("a lock file, or a commit, is an argument: lambda.lock.json, nodejs20.x@<commit>")
	}
	var sides [2]side
	for i, arg := range args {
		var err error
		if sides[i], err = parseSide(arg); err != nil {
			return nil, err
		}
	}
	all, err := comparisons(sides[0], sides[1])
	if err != nil {
		return nil, err
	}
	return all, d.checkRequest()
}

func (d *diffCommand) run(ctx context.Context, w io.Writer, all []comparison) error {
	for _, spec := range all[0].specs {
		if spec.Snapshot != nil || len(spec.Locked) > 0 {
			d.repositoryLock = spec.Name
		}
	}
	s, err := d.newSession(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	answers := make([]*gateway.Result, len(all))
	var targets []target
	for i, c := range all {
		t, err := d.newTarget(s, c)
		if err != nil {
			return err
		}
		t.onResult = func(res *gateway.Result) { answers[i] = res }
		targets = append(targets, t)
	}
	if _, err := s.solve(ctx, targets...); err != nil {
		return err
	}
	return d.print(w, answers)
}

// newTarget returns what compares two images. It is named as a call that needs no Dockerfile.
func (d *diffCommand) newTarget(s *session, c comparison) (t target, err error) {
	t.name = c.runtime
	if t.attrs, err = d.attrs(); err != nil {
		return t, err
	}
	t.attrs["requestid"], t.attrs["lock"] = plan.Name, frontend.LockNone
	if repository := c.lockedRepository(); repository != "" && t.attrs["repository"] == "" {
		t.attrs["repository"] = repository
	}
	t.stores = map[string]content.Store{}
	for i, file := range c.files {
		if file == "" {
			continue
		}
		archive, root, err := openArchive(file)
		if err != nil {
			return t, err
		}
		s.closers = append(s.closers, archive.Close)
		id := "image-" + strconv.Itoa(i)
		t.stores[id], c.specs[i].Store, c.specs[i].Digest = archive, id, root
	}
	t.build = func(f frontend.Frontend) gateway.BuildFunc {
		return f.Compare(c.specs, func(ctx context.Context, images [2]*frontend.ComparedImage) (*gateway.Result, error) {
			report, err := newDiffReport(ctx, images)
			if err != nil {
				return nil, err
			}
			return subrequests.Result(report, printDiff, "1.0.0")
		})
	}
	return t, nil
}

func (d *diffCommand) print(w io.Writer, answers []*gateway.Result) error {
	differs := false
	var reports []json.RawMessage
	for i, answer := range answers {
		if answer == nil {
			return errors.New("no answer")
		}
		var report diffReport
		if err := json.Unmarshal(answer.Metadata["result.json"], &report); err != nil {
			return errors.Wrap(err, "answer")
		}
		differs = differs || !report.isSame()
		reports = append(reports, answer.Metadata["result.json"])
		if !d.json {
			if i > 0 {
				fmt.Fprintln(w)
			}
			fmt.Fprintf(w, "%s", answer.Metadata["result.txt"])
		}
	}
	if d.json {
		var out any = reports
		if len(reports) == 1 {
			out = reports[0]
		}
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(out); err != nil {
			return err
		}
	}
	if differs && d.exitCode {
		return exitCodeError(exitFailed)
	}
	return nil
}
