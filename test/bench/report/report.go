// Package report says what was measured: as JSON, which is kept, and made of that alone the tables and the chart of
// docs/performance.md. It is pure.
package report

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// Report is all that was measured. Groups may be of different days: what is compared stands in one.
type Report struct {
	Groups []Group `json:"groups"`
}

// Group is a comparison: its ways were measured in turns, in rounds.
type Group struct {
	Name    string  `json:"name"`
	Title   string  `json:"title"`
	Charted bool    `json:"charted,omitempty"`
	Machine Machine `json:"machine"`
	Ways    []Way   `json:"ways"`
}

// Machine says where a group was measured, and when.
type Machine struct {
	Date     string  `json:"date"`
	CPUs     int     `json:"cpus"`
	Load     float64 `json:"load"` // of other work: the average of the minute before
	BuildKit string  `json:"buildkit"`
	Go       string  `json:"go"`
}

// Way is one way to come by the same images, and its runs, one for each round.
type Way struct {
	Name string `json:"name"`
	Runs []Run  `json:"runs"`
}

// Run is one measured build.
type Run struct {
	Seconds  float64 `json:"seconds"`
	CPU      float64 `json:"cpu_seconds"`            // of the commands, the daemon, and what these ran
	Objects  int     `json:"objects,omitempty"`      // asked for at the LFS host
	Bytes    int64   `json:"bytes,omitempty"`        // of objects, as sent
	Distinct int64   `json:"distinct,omitempty"`     // bytes of the objects that the images consist of
	Layers   int     `json:"layers,omitempty"`       // pulled from the registry
	Pulled   int64   `json:"pulled_bytes,omitempty"` // of these layers
	Memory   int64   `json:"peak_memory,omitempty"`  // of all processes together, in bytes
	// Of these alone, where machines are several: frontends in their containers, and daemons.
	Frontends int64 `json:"peak_memory_frontends,omitempty"`
	Daemons   int64 `json:"peak_memory_daemons,omitempty"`
}

// Parse reads what JSON wrote.
func Parse(text []byte) (Report, error) {
	var r Report
	err := json.Unmarshal(text, &r)
	return r, errors.Wrap(err, "results of the benchmark")
}

// JSON is the report with a line for each run.
func (r Report) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return nil, errors.Wrap(err, "results of the benchmark")
	}
	return append(joinRuns(text), '\n'), nil
}

// joinRuns puts the lines of a run, which are the most deeply nested ones, into one.
func joinRuns(text []byte) []byte {
	const indent = "      "
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		field, isField := strings.CutPrefix(line, indent+" ")
		switch {
		case isField:
			b.WriteString(strings.TrimRight(field, "\n"))
		case strings.HasPrefix(line, indent+"{"):
			b.WriteString(strings.TrimRight(line, "\n"))
		case strings.HasPrefix(line, indent+"}"):
			b.WriteString(strings.TrimLeft(line, " "))
		default:
			b.WriteString(line)
		}
	}
	return []byte(b.String())
}

// Put puts a group in the place of the one of its name; order has the names of all that there are.
func (r *Report) Put(g Group, order []string) {
	r.Groups = slices.DeleteFunc(r.Groups, func(old Group) bool {
		return old.Name == g.Name || !slices.Contains(order, old.Name)
	})
	r.Groups = append(r.Groups, g)
	slices.SortStableFunc(r.Groups, func(a, b Group) int {
		return slices.Index(order, a.Name) - slices.Index(order, b.Name)
	})
}

// way returns one of a group, nil if it wasn't measured.
func (r Report) way(group, name string) *Way {
	for _, g := range r.Groups {
		for i, w := range g.Ways {
			if g.Name == group && w.Name == name {
				return &g.Ways[i]
			}
		}
	}
	return nil
}
