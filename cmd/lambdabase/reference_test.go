package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the reference of the command anew")

const referenceFile = "../../docs/cli.md"

const referenceIntro = "# The command line\n\n" +
	"All commands and flags of `lambdabase`, as `--help` has them. Made from the program: `make docs` writes this file anew.\n" +
	"`...` marks a flag that may be given several times, and `,...` one that also takes a list with commas. Each command has\n" +
	"`--help` besides.\n\n" +
	"The exit code is 0; 1, if what was asked for failed; 2, for a command line that makes no sense; 130, if it was interrupted.\n"

func TestTheReferenceHasAllCommandsAndFlags(t *testing.T) {
	t.Setenv("BUILDKIT_HOST", "") // which is the default of a flag
	got := markdownOf(newRoot())
	if *update {
		require.NoError(t, os.WriteFile(referenceFile, []byte(got), 0o644))
	}
	want, err := os.ReadFile(referenceFile)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "make docs writes it anew")
}

func markdownOf(root *cobra.Command) string {
	root.InitDefaultCompletionCmd("x") // which cobra adds when it runs
	var b strings.Builder
	b.WriteString(referenceIntro)
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			writeCommand(&b, c)
		}
	}
	return b.String()
}

func writeCommand(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n%s.\n", c.CommandPath(), c.Short)
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(b, "\n    %s\n", c.CommandPath()+" "+strings.Join(commandNames(c), "|"))
		return
	}
	if c.Long != "" {
		fmt.Fprintf(b, "\n%s\n", c.Long)
	}
	fmt.Fprintf(b, "\n```\n%s\n```\n\nFor example:\n\n```\n%s\n```\n", c.UseLine(), unindent(c.Example))
	if c.HasAvailableFlags() {
		b.WriteString("\n| flag | default | meaning |\n|---|---|---|\n")
	}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			writeFlag(b, f)
		}
	})
}

func commandNames(c *cobra.Command) (names []string) {
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	return names
}

func unindent(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "  ")
	}
	return strings.Join(lines, "\n")
}

// zeroValues are those that stand for nothing.
var zeroValues = []string{"", "0", "0s", "false", "[]"}

func writeFlag(b *strings.Builder, f *pflag.Flag) {
	name := "`--" + f.Name + "`"
	if f.Shorthand != "" {
		name = "`-" + f.Shorthand + "`, " + name
	}
	switch f.Value.Type() {
	case "bool":
	case "stringArray":
		name += " string ..."
	case "stringSlice":
		name += " string,..."
	default:
		name += " " + f.Value.Type()
	}
	value := f.DefValue
	if slices.Contains(zeroValues, value) {
		value = ""
	}
	fmt.Fprintf(b, "| %s | %s | %s |\n", name, cell(value), cell(f.Usage))
}

// cell returns a text as it stands in a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
