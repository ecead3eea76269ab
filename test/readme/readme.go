// Package readme holds README and the documents beside it to what the code says, and to each other. A test that has a message at
// hand passes it to Explains, which looks for it in the table of docs/errors.md; the test of this package fails for a message of
// the table that no test passes.
package readme

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pkg/errors"
)

// Explains fails the test unless text, an error or the output of a command, has the message, and the table has a row for it.
// In the table's messages "..." stands for anything on the line.
func Explains(t testing.TB, text, message string) {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	dt, err := os.ReadFile(filepath.Join(root, document))
	if err != nil {
		t.Fatal(err)
	}
	if err := explains(string(dt), text, message); err != nil {
		t.Fatal(err)
	}
}

func explains(table, text, message string) error {
	if !slices.Contains(messages(table), message) {
		return errors.Errorf("%s has no row for `%s`", document, message)
	}
	if !pattern(message).MatchString(text) {
		return errors.Errorf("%s has `%s`, and the code says:\n%s", document, message, text)
	}
	return nil
}

// document has the table, and README some of its rows, each below this heading.
const (
	document = "docs/errors.md"
	heading  = "When it fails"
)

var codeSpan = regexp.MustCompile("`([^`]+)`")

// messages are those in the first column of the table.
func messages(text string) (found []string) {
	for _, row := range rowsBelow(text, heading) {
		cell, _, _ := strings.Cut(row, " | ")
		for _, span := range codeSpan.FindAllStringSubmatch(cell, -1) {
			found = append(found, span[1])
		}
	}
	return found
}

// rowsBelow are the rows of the tables below a heading, up to the next one of a document's parts.
func rowsBelow(text, heading string) (rows []string) {
	_, section, _ := strings.Cut("\n"+text, "# "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		if row, isRow := strings.CutPrefix(line, "| "); isRow {
			rows = append(rows, row)
		}
	}
	return rows
}

// pattern matches a text with the message in it.
func pattern(message string) *regexp.Regexp {
	parts := strings.Split(message, "...")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(strings.Join(parts, ".+"))
}

// packageDir is that of the package under test: "go test" begins there, and a test may be elsewhere by now.
var packageDir, _ = os.Getwd()

func moduleRoot() (string, error) {
	for dir := packageDir; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.Errorf("no go.mod in or above %q", packageDir)
		}
	}
}
