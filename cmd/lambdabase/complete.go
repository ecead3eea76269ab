package main

import (
	"slices"
	"strings"
	"unicode"

	"lambdabase/frontend"
	"lambdabase/internal/branches"
	"lambdabase/internal/catalog"

	"github.com/spf13/cobra"
)

// runtimeNames completes names of runtimes, but for those that are there already.
func runtimeNames(c *cobra.Command, given []string, begun string) ([]string, cobra.ShellCompDirective) {
	names := slices.DeleteFunc(knownNames(c), func(name string) bool {
		return !strings.HasPrefix(name, begun) || slices.Contains(given, name)
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// runtimeName completes the name of one runtime.
func runtimeName(c *cobra.Command, given []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(given) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return runtimeNames(c, given, begun)
}

// knownNames are those of the repository on the command line, as it was when it was listed last; of one that never was, those
// that AWS's has. No server is asked for a completion.
func knownNames(c *cobra.Command) []string {
	root, _ := c.Flags().GetString("root")
	list, ok := branches.ReadCached((&place{root: root}).listFile(listKey(c)))
	if !ok {
		return catalog.Names()
	}
	var names []string
	for _, r := range list {
		if !strings.ContainsFunc(r.Name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
			names = append(names, r.Name)
		}
	}
	return names
}

// listKey is the repository on the command line, as lists are kept by it.
func listKey(c *cobra.Command) string {
	if sample, _ := c.Flags().GetBool("sample"); sample {
		return sampleKey
	}
	if repository, _ := c.Flags().GetString("repository"); repository != "" {
		return repository
	}
	return frontend.Upstream
}
