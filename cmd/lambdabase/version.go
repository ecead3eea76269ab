package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// A release has the linker set these (test/release). Go's own note of a version depends on the tags that a checkout has: one
// commit would give two programs.
var releaseVersion, releaseCommit string

// versions are what a program says of itself.
type versions struct{ version, commit, buildkit string }

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the versions of lambdabase and of the BuildKit in it",
		Example: "  lambdabase version",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b := currentVersions()
			fmt.Fprintf(c.OutOrStdout(), "lambdabase  %s\ncommit      %s\nbuildkit    %s\ngo          %s %s/%s\n",
				b.version, b.commit, b.buildkit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}

func currentVersions() versions {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	b := versions{orUnknown(info.Main.Version), commit(info), module(info, "github.com/moby/buildkit")}
	if releaseVersion != "" {
		b.version, b.commit = releaseVersion, releaseCommit
	}
	return b
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
