package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryCommandHasAManPage(t *testing.T) {
	t.Setenv("BUILDKIT_HOST", "") // which is the default of a flag
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	dir := filepath.Join(t.TempDir(), "man1")
	root := newRoot()
	root.InitDefaultCompletionCmd("x")
	require.NoError(t, writeManPages(root, dir))
	for _, c := range append(root.Commands(), root) {
		name := filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
		if !c.IsAvailableCommand() {
			require.NoFileExists(t, name)
			continue
		}
		dt, err := os.ReadFile(name)
		require.NoError(t, err)
		requireManPage(t, c, string(dt))
	}
}

// requireManPage fails where Markdown, which cobra makes a page through, has swallowed a flag or what it says.
func requireManPage(t *testing.T, c *cobra.Command, page string) {
	t.Helper()
	assert.Contains(t, page, `"1" "Nov 2023" "lambdabase `, c.Name())
	text := plainText(page)
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			assert.Contains(t, text, "--"+f.Name, c.Name())
			assert.Contains(t, text, plainText(f.Usage), c.Name())
		}
	})
	assert.Contains(t, text, plainText(c.Example), c.Name())
}

// plainText is a text of troff, or any other, without marks, escapes and line breaks.
func plainText(s string) string {
	s = strings.NewReplacer(`\fB`, "", `\fP`, "", `\fI`, "", `\fR`, "", `\[la]`, "<", `\[ra]`, ">", `\`, "").Replace(s)
	return strings.Join(strings.Fields(s), " ")
}

func TestManPagesSayWhatDateTheyTake(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "today")
	require.EqualError(t, writeManPages(newRoot(), t.TempDir()), `SOURCE_DATE_EPOCH is "today", and no number of seconds`)
}

func TestAReleaseKnowsItsVersion(t *testing.T) {
	releaseVersion, releaseCommit = "v1.2.3", "0123"
	t.Cleanup(func() { releaseVersion, releaseCommit = "", "" })
	var out strings.Builder
	for _, args := range [][]string{{"--version"}, {"version"}} {
		root := newRoot()
		root.SetOut(&out)
		root.SetArgs(args)
		require.NoError(t, root.Execute())
	}
	require.Contains(t, out.String(), "lambdabase version v1.2.3\nlambdabase  v1.2.3\ncommit      0123\n")
}
