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

// documents are those that users and contributors read.
var documents = []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md", "examples/*/README.md"}

var (
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	title   = regexp.MustCompile(`(?m)^#+ (.*)$`)
	noSlug  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	makeRun = regexp.MustCompile("(?m)(?:^ {4}|`)make ([a-z][a-z/-]*)")
)

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	root, err := moduleRoot()
	require.NoError(t, err)
	files := readDocuments(t, root)
	require.Greater(t, len(files), 15)
	for name, text := range files {
		for _, found := range link.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			path, anchor, _ := strings.Cut(found[1], "#")
			if strings.Contains(path, "://") {
				continue
			}
			target := name
			if path != "" {
				target = filepath.Join(filepath.Dir(name), path)
			}
			_, err := os.Stat(filepath.Join(root, target))
			assert.NoError(t, err, "%s links to %s", name, found[1])
			if anchor != "" {
				assert.Contains(t, anchors(files[target]), anchor, "%s links to %s", name, found[1])
			}
		}
	}
}

func TestEveryTargetThatIsNamedIsInTheMakefile(t *testing.T) {
	root, err := moduleRoot()
	require.NoError(t, err)
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	for name, text := range readDocuments(t, root) {
		for _, found := range makeRun.FindAllStringSubmatch(text, -1) {
			assert.Contains(t, string(makefile), "\n"+found[1]+":", "%s says make %s", name, found[1])
		}
	}
}

// readDocuments are the documents' texts by their paths in the module.
func readDocuments(t *testing.T, root string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range documents {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, found, pattern)
		for _, path := range found {
			dt, err := os.ReadFile(path)
			require.NoError(t, err)
			name, err := filepath.Rel(root, path)
			require.NoError(t, err)
			texts[name] = string(dt)
		}
	}
	return texts
}

// anchors are what forges make of a document's headings: lower case, no punctuation, a hyphen for each space.
func anchors(text string) (found []string) {
	for _, heading := range title.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		slug := noSlug.ReplaceAllString(strings.ToLower(heading[1]), "")
		found = append(found, strings.ReplaceAll(slug, " ", "-"))
	}
	return found
}

func TestAnchorsAreThoseOfHeadings(t *testing.T) {
	require.Equal(t, []string{"a", "the-users-git", "b-c"}, anchors("# A\n\n```sh\n# no heading\n```\n\n## The user's `git`\n### B: C\n#x\n"))
}
