package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the versions of lambdabase and of the BuildKit in it",
		Example: "  lambdabase version",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			info, ok := debug.ReadBuildInfo()
			if !ok {
				info = &debug.BuildInfo{}
			}
			fmt.Fprintf(c.OutOrStdout(), "lambdabase  %s\ncommit      %s\nbuildkit    %s\ngo          %s %s/%s\n",
				orUnknown(info.Main.Version), commit(info), module(info, "github.com/moby/buildkit"), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}

// commit returns that of the source, as Go notes it where git is at hand.
func commit(info *debug.BuildInfo) string {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	text := orUnknown(settings["vcs.revision"])
	if settings["vcs.modified"] == "true" {
		text += " (modified)"
	}
	return text
}

func module(info *debug.BuildInfo, path string) string {
	for _, m := range info.Deps {
		if m.Path == path {
			return m.Version
		}
	}
	return orUnknown("")
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
