package readme

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	testFunc  = regexp.MustCompile(`(?m)^func (Test[A-Z]\w*)\(t \*testing\.T\)`)
	namedTest = regexp.MustCompile("`(Test\\w+)`")
	anyTest   = regexp.MustCompile(`\bTest[A-Z]\w*`)
)

// A promise whose test is gone is none.
func TestEachPromiseIsBackedByATestThatExists(t *testing.T) {
	root, err := moduleRoot()
	require.NoError(t, err)
	dt, err := os.ReadFile(filepath.Join(root, "docs/security.md"))
	require.NoError(t, err)
	there := map[string]bool{}
	for name, source := range goFiles(t, root) {
		if !strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, found := range testFunc.FindAllStringSubmatch(source, -1) {
			there[found[1]] = true
		}
	}
	require.Greater(t, len(there), 500)
	for _, name := range anyTest.FindAllString(string(dt), -1) {
		assert.True(t, there[name], "docs/security.md names %s, which is in no package", name)
	}
	promises := promisesOf(string(dt))
	require.Greater(t, len(promises), 25)
	for _, row := range promises {
		assert.Regexp(t, namedTest, row[1], "nothing backs the promise: %s", row[0])
	}
}

// promisesOf are the rows of the tables of promises: what is promised, and the tests.
func promisesOf(document string) (rows [][2]string) {
	inTable := false
	for line := range strings.Lines(document) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		switch {
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case strings.HasPrefix(line, "| promise | tests |"):
			inTable = true
		case inTable && !strings.HasPrefix(line, "|---"):
			rows = append(rows, [2]string{cells[0], strings.Join(cells[1:], " | ")})
		}
	}
	return rows
}

func TestPoliciesAreLinked(t *testing.T) {
	root, err := moduleRoot()
	require.NoError(t, err)
	for file, links := range map[string][]string{"README.md": {"docs/security.md", "SECURITY.md"}, "SECURITY.md": {"docs/security.md"}, "docs/security.md": {"../SECURITY.md", "pinning.md"}} {
		dt, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		for _, link := range links {
			assert.Contains(t, string(dt), "]("+link+")", file)
			assert.FileExists(t, filepath.Join(root, filepath.Dir(file), link))
		}
	}
}
