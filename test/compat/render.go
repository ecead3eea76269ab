package compat

import (
	"fmt"
	"strings"
)

const head = `# Compatibility

What lambdabase does on which BuildKit, as it was measured: ` + "`make test-compat`" + ` builds each version of the daemon, tries every
feature of the table on it, and writes this page. A number leads to what happens in place of a feature. An error is meant to
say so, and each that is told of here was compared with what the build says.

`

// notes are the texts that numbers in the table stand for.
type notes []string

// cell is a verdict as the table shows it.
func (n *notes) cell(v Verdict) string {
	if v.Note == "" {
		return string(v.Support)
	}
	for i, text := range *n {
		if text == v.Note {
			return reference(v.Support, i)
		}
	}
	*n = append(*n, v.Note)
	return reference(v.Support, len(*n)-1)
}

func reference(s Support, i int) string { return fmt.Sprintf("%s (%d)", s, i+1) }

// Markdown is the document.
func (r Report) Markdown() string {
	var text strings.Builder
	text.WriteString(head)
	columns := []string{"feature"}
	for _, d := range r.Daemons {
		columns = append(columns, d.Name)
	}
	writeRow(&text, columns)
	text.WriteString(strings.Repeat("|---", len(columns)) + "|\n")
	var said notes
	for _, feature := range r.Features {
		row := []string{feature}
		for _, d := range r.Daemons {
			row = append(row, said.cell(d.Verdicts[feature]))
		}
		writeRow(&text, row)
	}
	text.WriteString("\n")
	for i, note := range said {
		fmt.Fprintf(&text, "%d. %s.\n", i+1, note)
	}
	return text.String()
}

func writeRow(text *strings.Builder, cells []string) {
	text.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}
