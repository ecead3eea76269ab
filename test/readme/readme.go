// Package readme holds README's table "When it fails" to what the code says. A test that has a message at hand passes it to
// Explains; the test of this package fails for a message of the table that no test passes.
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

// Explains fails the test unless text, an error or the output of a command, has the message, and README's table has a row for
// it. In the table's messages "..." stands for anything on the line.
func Explains(t testing.TB, text, message string) {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	dt, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if err := explains(string(dt), text, message); err != nil {
		t.Fatal(err)
	}
}

func explains(document, text, message string) error {
	if !slices.Contains(messages(document), message) {
		return errors.Errorf("README's table %q has no row for `%s`", heading, message)
	}
	if !pattern(message).MatchString(text) {
		return errors.Errorf("README's table %q has `%s`, and the code says:\n%s", heading, message, text)
	}
	return nil
}

const heading = "When it fails"

var codeSpan = regexp.MustCompile("`([^`]+)`")

// messages are those in the first column of the table.
func messages(document string) (found []string) {
	_, section, _ := strings.Cut(document, "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		row, isRow := strings.CutPrefix(line, "| ")
		if !isRow {
			continue
		}
		cell, _, _ := strings.Cut(row, " | ")
		for _, span := range codeSpan.FindAllStringSubmatch(cell, -1) {
			found = append(found, span[1])
		}
	}
	return found
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
