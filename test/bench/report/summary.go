package report

import "strings"

// Summarize puts into the README how many times as long the usual way takes, between its lines.
func (r Report) Summarize(readme string) (string, error) {
	return between(readme, r.summary())
}

// summary has a line for each group in which the usual way was measured.
func (r Report) summary() string {
	lines := []string{
		"| the usual way takes, times as long as lambdabase | on a daemon | with BuildKit inside |",
		"|---|---|---|",
	}
	for _, g := range r.Groups {
		usual := r.way(g.Name, Usual)
		if usual == nil {
			continue
		}
		line := "| " + g.Title + " |"
		for _, name := range []string{Daemon, Inside} {
			cell := ""
			if ours := r.way(g.Name, name); ours != nil {
				cell = ratio(*usual, *ours, wall).format("%.1f")
			}
			line += " " + cell + " |"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n") + "\n\n"
}
