package main

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"

	"lambdabase/internal/lambdarules"
	"lambdabase/internal/printable"
)

// printCheck writes a line for each rule, and one more for what to do.
func printCheck(w io.Writer, report *lambdarules.Report) error {
	fmt.Fprintf(w, "%s  %s\n%s\n\n", printable.Name(report.Image), cmp.Or(report.Platform, "of no single platform"), report.Digest)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range report.Rules {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", statusText(r.Status), r.Rule, r.Text)
		if r.Advice != "" {
			fmt.Fprintf(tw, "\t\tto do: %s\n", r.Advice)
		}
	}
	return tw.Flush()
}

func statusText(s lambdarules.Status) string {
	if s == lambdarules.Failed {
		return "FAIL"
	}
	return string(s)
}
