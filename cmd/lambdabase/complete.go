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

// completeRuntimes completes names of runtimes, but for those that are there already.
func completeRuntimes(c *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	names := slices.DeleteFunc(cachedRuntimes(c), func(name string) bool {
		return !strings.HasPrefix(name, toComplete) || slices.Contains(args, name)
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeRuntime completes the name of one runtime.
func completeRuntime(c *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return completeRuntimes(c, args, toComplete)
}

// cachedRuntimes returns those of the repository on the command line, as it was when it was listed last; of one that never
// was, those that AWS's has. No server is asked for a completion.
func cachedRuntimes(c *cobra.Command) []string {
	root, _ := c.Flags().GetString("root")
	list, ok := branches.ReadCached((&backend{root: root}).listFile(listCacheKey(c)))
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

// listCacheKey returns the repository on the command line, as lists are kept by it.
func listCacheKey(c *cobra.Command) string {
	if sample, _ := c.Flags().GetBool("sample"); sample {
		return sampleKey
	}
	if repository, _ := c.Flags().GetString("repository"); repository != "" {
		return repository
	}
	return frontend.Upstream
}
