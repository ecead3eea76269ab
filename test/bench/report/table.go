package report

import (
	"fmt"
	"strings"

	"github.com/pkg/errors"
)

// Begin and End are the lines of a document between which what is measured stands.
const (
	Begin = "<!-- made by make bench: begin -->"
	End   = "<!-- made by make bench: end -->"
)

// Insert puts the aims and the tables between the two lines of a document.
func (r Report) Insert(doc string) (string, error) {
	return between(doc, r.markdown())
}

func between(doc, text string) (string, error) {
	before, rest, begins := strings.Cut(doc, Begin)
	_, after, ends := strings.Cut(rest, End)
	if !begins || !ends {
		return "", errors.Errorf("no lines %q and %q in the document", Begin, End)
	}
	return before + Begin + "\n\n" + text + End + after, nil
}

func (r Report) markdown() string {
	var b strings.Builder
	b.WriteString("## Aims\n\n" + r.aimsTable())
	for _, g := range r.Groups {
		fmt.Fprintf(&b, "## %s\n\n%s\n%s", g.Title, g.table(), g.note())
	}
	return b.String()
}

// column is one of a group's table; it is left out where nothing in it is to be seen.
type column struct {
	head, verb string
	figure     func(Run) float64
}

var columns = []column{
	{"CPU s", "%.2f", cpu},
	{"objects", "%.0f", objects},
	{"MB of objects", "%.0f", sent},
	{"layers pulled", "%.0f", layers},
	{"MB of layers", "%.0f", pulled},
	{"peak MB", "%.0f", memory},
	{"frontends, peak MB", "%.0f", frontends},
	{"daemons, peak MB", "%.0f", daemons},
}

// table has a line for each way; how many times as long it took is said of the last one, which is ours.
func (g Group) table() string {
	shown := g.shown()
	head, rule := "| `"+g.Name+"` | wall, s | times the last |", "|---|---|---|"
	for _, c := range shown {
		head, rule = head+" "+c.head+" |", rule+"---|"
	}
	lines := []string{head, rule}
	last := g.Ways[len(g.Ways)-1]
	for _, w := range g.Ways {
		line := fmt.Sprintf("| %s | %s | %.2f |", w.Name, w.spread(wall).format("%.2f"), ratio(w, last, wall).median)
		for _, c := range shown {
			line += fmt.Sprintf(" "+c.verb+" |", w.spread(c.figure).median)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n") + "\n"
}

func (g Group) shown() (shown []column) {
	for _, c := range columns {
		for _, w := range g.Ways {
			if w.spread(c.figure).max > 0 {
				shown = append(shown, c)
				break
			}
		}
	}
	return shown
}

func (g Group) note() string {
	return fmt.Sprintf("%s; %d CPUs; load before: %.1f; runs of each: %d.\n\n", g.Machine.Date, g.Machine.CPUs, g.Machine.Load, len(g.Ways[0].Runs))
}
