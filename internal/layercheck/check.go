// Package layercheck is the check that layers can be merged, as a step that has them mounted. What it finds is the result of a
// vertex, which a cache keeps: where that is imported, no layer has to be there for it. The frontend makes the same check where
// there can be no such step.
//
// The program is part of the vertex's key. So this is built of little, and of nothing that changes often: another program makes
// each check anew.
package layercheck

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"lambdabase/internal/conflict"
	"lambdabase/internal/execstep/contract"
	"lambdabase/internal/printable"

	"github.com/pkg/errors"
)

// maxReasons is how many reasons are told.
const maxReasons = 5

// layer is one to be checked.
type layer struct {
	dir
	archive string // the name that BuildKit gives to the archive if it copies that, in place of unpacking it
}

// Run checks layers that are mounted below root, and leaves a file in out if they can be merged and nothing else is to be done:
// [--workdir=DIR] ARCHIVE...
func Run(ctx context.Context, args []string, root, out string, log io.Writer) error {
	flags := flag.NewFlagSet("check-layers", flag.ContinueOnError)
	flags.SetOutput(log)
	workdir := flags.String("workdir", "/", "directory that one of them must have")
	if err := flags.Parse(args); err != nil {
		return errors.Wrap(err, "arguments")
	}
	var layers []layer
	for i, archive := range flags.Args() {
		layers = append(layers, layer{dir(filepath.Join(root, strconv.Itoa(i))), archive})
	}
	reasons, err := check(ctx, layers, *workdir)
	if err != nil {
		return err
	}
	for _, r := range reasons[:min(len(reasons), maxReasons)] {
		fmt.Fprintln(log, printable.Name(r))
	}
	if len(reasons) > 0 {
		return nil
	}
	return errors.Wrap(os.WriteFile(filepath.Join(out, contract.CheckedFile), nil, 0o644), "result")
}

// check returns why the layers can't just be merged.
func check(ctx context.Context, layers []layer, workdir string) (reasons []string, err error) {
	var all []conflict.Layer
	hasWorkdir := false
	for _, l := range layers {
		copied, err := l.lookup("/" + l.archive)
		if err != nil {
			return nil, errors.Wrap(err, "archive")
		}
		if copied != nil {
			reasons = append(reasons, l.archive+" was not unpacked, or is empty")
		}
		has, err := l.hasDir(workdir)
		if err != nil {
			return nil, errors.Wrap(err, "working directory")
		}
		hasWorkdir = hasWorkdir || has
		all = append(all, l)
	}
	if !hasWorkdir {
		reasons = append(reasons, "no layer has "+workdir)
	}
	conflicts, err := conflict.Find(ctx, all)
	return append(reasons, conflicts...), err
}
