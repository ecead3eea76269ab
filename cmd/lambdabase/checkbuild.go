package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"

	"lambdabase/internal/lambdarules"

	"github.com/moby/buildkit/client"
	"github.com/pkg/errors"
)

// canCheck reports whether the output is an image that can be read again.
func (o output) canCheck() bool {
	switch o.exporterType {
	case client.ExporterImage:
		push, _ := o.boolAttr("push", false)
		return push
	case client.ExporterOCI, client.ExporterDocker:
		info, err := os.Stat(o.dest)
		return !o.isStdout() && (err != nil || info.IsDir() || info.Mode().IsRegular())
	}
	return false
}

// checkable returns the outputs of a runtime that --check looks at.
func (b *buildCommand) checkable(runtime string) (all []output, err error) {
	outputs, err := b.exporters(runtime)
	for _, o := range outputs {
		if o.canCheck() {
			all = append(all, o)
		}
	}
	return all, err
}

// checkCheckable finds a --check that would have nothing to look at.
func (b *buildCommand) checkCheckable(runtimes []string) error {
	if !b.check {
		return nil
	}
	for _, runtime := range append(runtimes, "")[:max(1, len(runtimes))] { // a Dockerfile's has no name
		if all, err := b.checkable(runtime); err != nil || len(all) == 0 {
			return cmp.Or(err, errors.New("--check looks at the image that was written, and none is that can be read again: give -o FILE, -o type=docker,dest=FILE, or --push"))
		}
	}
	return nil
}

// checkResults checks what was written and pushed.
func (b *buildCommand) checkResults(ctx context.Context, s *session, runtimes []string, responses []*client.SolveResponse) error {
	if !b.check {
		return nil
	}
	if err := s.disconnect(); err != nil { // others wait for the cache
		return err
	}
	var failed []string
	for i, response := range responses {
		runtime := ""
		if b.file == "" {
			runtime = runtimes[i]
		}
		outputs, err := b.checkable(runtime)
		if err != nil {
			return err
		}
		for _, o := range outputs {
			report, err := checkImage(ctx, o.imageSource(response, len(outputs), s.secrets.caPEM), lambdarules.Options{})
			if err != nil {
				return errors.Wrap(err, "check")
			}
			if !report.OK || b.verbose() {
				fmt.Fprintln(os.Stderr)
				if err := printCheck(os.Stderr, report); err != nil {
					return err
				}
			}
			if !report.OK {
				failed = append(failed, failedText(report))
			}
		}
	}
	if len(failed) > 0 {
		return errors.Errorf("check: Lambda doesn't take %s", strings.Join(failed, "; "))
	}
	return nil
}

func failedText(report *lambdarules.Report) string {
	var names []string
	for _, rule := range report.Failed() {
		names = append(names, string(rule))
	}
	return report.Image + ": " + strings.Join(names, ", ")
}

// imageSource returns where an output is, once it was written. Of several outputs an answer has only one's digest.
func (o output) imageSource(response *client.SolveResponse, outputs int, caPEM []byte) imageSource {
	digest := response.ExporterResponse["containerimage.digest"]
	byDigest, _ := o.boolAttr("push-by-digest", false)
	if outputs > 1 && !byDigest {
		digest = ""
	}
	if o.exporterType != client.ExporterImage {
		return imageSource{name: o.dest, digest: digest}
	}
	source := imageSource{name: o.imageNames()[0], digest: digest, pushed: true, caPEM: caPEM}
	source.plainHTTP, _ = o.boolAttr("registry.insecure", false)
	return source
}
