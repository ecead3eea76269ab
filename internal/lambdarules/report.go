package lambdarules

import (
	"slices"

	"lambdabase/internal/printable"
)

// Rule is the name of a rule, which stays as it is.
type Rule string

// The rules, in the order in which they are told.
const (
	SingleManifest    Rule = "single-manifest"
	Attestations      Rule = "attestations"
	MediaTypes        Rule = "media-types"
	Gzip              Rule = "gzip"
	ParentDirectories Rule = "parent-directories"
	Size              Rule = "size"
	Entrypoint        Rule = "entrypoint"
	Architecture      Rule = "architecture"
	Readable          Rule = "readable"
	TaskRoot          Rule = "task-root"
)

var rules = [...]Rule{SingleManifest, Attestations, MediaTypes, Gzip, ParentDirectories, Size, Entrypoint, Architecture, Readable, TaskRoot}

// Status is what comes of a rule.
type Status string

// What comes of a rule.
const (
	OK      Status = "ok"
	Warning Status = "warning" // Lambda takes it, but better not
	Failed  Status = "failed"
	Skipped Status = "skipped" // can't be judged
)

// Result is what comes of one rule. Its texts can be printed, whatever the image has for names.
type Result struct {
	Rule   Rule   `json:"rule"`
	Status Status `json:"status"`
	Text   string `json:"text"`             // what was found
	Advice string `json:"advice,omitempty"` // what to do
}

// Report is what comes of all rules.
type Report struct {
	Image    string   `json:"image"`              // as it was named
	Digest   string   `json:"digest,omitempty"`   // of the manifest or index that the name stands for
	Platform string   `json:"platform,omitempty"` // of the image that was looked at
	OK       bool     `json:"ok"`                 // no rule failed
	Rules    []Result `json:"rules"`
}

// Failed returns the rules that failed.
func (r *Report) Failed() (failed []Rule) {
	for _, result := range r.Rules {
		if result.Status == Failed {
			failed = append(failed, result.Rule)
		}
	}
	return failed
}

// set says what came of a rule.
func (r *Report) set(rule Rule, status Status, text, advice string) {
	r.Rules = append(r.Rules, Result{rule, status, text, advice})
}

// finish puts the rules in order, and skips those that nothing was said of.
func (r *Report) finish(whySkipped string) {
	for _, rule := range rules {
		if !slices.ContainsFunc(r.Rules, func(done Result) bool { return done.Rule == rule }) {
			r.set(rule, Skipped, whySkipped, "")
		}
	}
	slices.SortStableFunc(r.Rules, func(a, b Result) int { return slices.Index(rules[:], a.Rule) - slices.Index(rules[:], b.Rule) })
	r.OK = len(r.Failed()) == 0
}

// shown is a name of the image's, to be printed.
func shown(name string) string { return printable.Shorten(printable.Name(name)) }
