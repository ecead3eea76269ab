// Package compat keeps what was measured of versions of BuildKit: docs/compatibility.json has it, and docs/compatibility.md is
// made of that. The measuring is in the tests of package test.
package compat

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/pkg/errors"
)

// Support is how far a daemon has a feature.
type Support string

// The kinds of support.
const (
	Full    Support = "yes"
	Partial Support = "partly"
	None    Support = "no"
)

// Verdict is what was found of a feature on a daemon.
type Verdict struct {
	Support Support `json:"support"`
	Note    string  `json:"note,omitempty"` // what a user gets in its place, unless it is full
}

// Yes is a feature that is there whole.
func Yes() Verdict { return Verdict{Support: Full} }

// Partly is a feature that is there in another way.
func Partly(note string) Verdict { return Verdict{Support: Partial, Note: note} }

// No is a feature that isn't there.
func No(note string) Verdict { return Verdict{Support: None, Note: note} }

// Daemon is what was found of one.
type Daemon struct {
	Name     string             `json:"name"`     // BuildKit's version, or another product's name
	Verdicts map[string]Verdict `json:"features"` // by the feature's name
}

// Report is what was found of all.
type Report struct {
	Features []string `json:"features"` // in the order of the document
	Daemons  []Daemon `json:"daemons"`  // the oldest BuildKit first, then other products
}

// Parse reads a report.
func Parse(dt []byte) (r Report, err error) {
	return r, errors.Wrap(json.Unmarshal(dt, &r), "measured compatibility")
}

// JSON writes a report.
func (r Report) JSON() ([]byte, error) {
	dt, err := json.MarshalIndent(r, "", "  ")
	return append(dt, '\n'), err
}

// Put takes what was found of a daemon, in the place of what was found of it before.
func (r *Report) Put(d Daemon) {
	r.Daemons = slices.DeleteFunc(r.Daemons, func(old Daemon) bool { return old.Name == d.Name })
	r.Daemons = append(r.Daemons, d)
	slices.SortFunc(r.Daemons, compare)
}

// Find returns what was found of a daemon.
func (r Report) Find(name string) (Daemon, bool) {
	i := slices.IndexFunc(r.Daemons, func(d Daemon) bool { return d.Name == name })
	if i < 0 {
		return Daemon{}, false
	}
	return r.Daemons[i], true
}

// Versions are those of BuildKit, the oldest first.
func (r Report) Versions() (versions []string) {
	for _, d := range r.Daemons {
		if _, ok := parseVersion(d.Name); ok {
			versions = append(versions, d.Name)
		}
	}
	return versions
}

// compare orders daemons: other products, which have no version of BuildKit's, come last.
func compare(a, b Daemon) int {
	x, xIsVersion := parseVersion(a.Name)
	y, yIsVersion := parseVersion(b.Name)
	switch {
	case xIsVersion && !yIsVersion:
		return -1
	case yIsVersion && !xIsVersion:
		return 1
	}
	return cmp.Or(slices.Compare(x[:], y[:]), cmp.Compare(a.Name, b.Name))
}

func parseVersion(name string) (v [3]int, ok bool) {
	n, _ := fmt.Sscanf(name, "v%d.%d.%d", &v[0], &v[1], &v[2])
	return v, n == len(v)
}
