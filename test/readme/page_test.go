package readme

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The page has what a newcomer meets first. What there is more to say is in docs/.
func TestReadmeIsAPage(t *testing.T) {
	root, err := moduleRoot()
	require.NoError(t, err)
	texts := readDocuments(t, root)
	page := texts["README.md"]
	require.LessOrEqual(t, strings.Count(page, "\n"), 250)

	whole := rowsBelow(texts[document], heading)
	some := rowsBelow(strings.ReplaceAll(page, "](docs/", "]("), heading)
	require.Len(t, some, 1+5, "the head of the table, and five messages")
	for _, row := range some {
		assert.Contains(t, whole, row, "%s has no such row", document)
	}
	for name := range texts {
		if filepath.Dir(name) == "docs" {
			assert.Contains(t, page, "]("+name, "README leads to it")
		}
	}
}

// Pictures are read on light and on dark.
func TestPicturesAreDrawnForBoth(t *testing.T) {
	root, err := moduleRoot()
	require.NoError(t, err)
	pictures, err := filepath.Glob(filepath.Join(root, "docs/*.svg"))
	require.NoError(t, err)
	require.NotEmpty(t, pictures)
	for _, picture := range pictures {
		dt, err := os.ReadFile(picture)
		require.NoError(t, err)
		assert.Contains(t, string(dt), "prefers-color-scheme: dark", picture)
	}
}
