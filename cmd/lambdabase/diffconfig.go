package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"lambdabase/internal/printable"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

// settingDiff is what two images' configs say otherwise of how a container starts.
type settingDiff struct {
	Name string `json:"name"` // "env PATH", "entrypoint", ...
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
}

// diffSettings compares what containers are started with. Labels say where an image is from, and aren't compared.
func diffSettings(before, after dockerspec.DockerOCIImageConfig) []settingDiff {
	was, is := settingsOf(before), settingsOf(after)
	names := maps.Clone(was)
	maps.Copy(names, is)
	diffs := []settingDiff{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if was[name] != is[name] {
			diffs = append(diffs, settingDiff{Name: name, Old: was[name], New: is[name]})
		}
	}
	return diffs
}

// settingsOf returns the settings that a config has, by name; lists as the JSON that a Dockerfile has them as.
func settingsOf(c dockerspec.DockerOCIImageConfig) map[string]string {
	settings := map[string]string{
		"entrypoint": jsonList(c.Entrypoint), "cmd": jsonList(c.Cmd), "shell": jsonList(c.Shell), "onbuild": jsonList(c.OnBuild),
		"workdir": c.WorkingDir, "user": c.User, "stopsignal": c.StopSignal,
		"expose": jsonList(slices.Sorted(maps.Keys(c.ExposedPorts))), "volume": jsonList(slices.Sorted(maps.Keys(c.Volumes))),
	}
	if c.Healthcheck != nil {
		settings["healthcheck"] = jsonList(c.Healthcheck.Test)
	}
	for _, e := range c.Env {
		name, value, _ := strings.Cut(e, "=")
		settings["env "+name] = value
	}
	return settings
}

func jsonList(list []string) string {
	if len(list) == 0 {
		return ""
	}
	dt, _ := json.Marshal(list)
	return string(dt)
}

func printSettingDiffs(w io.Writer, settings []settingDiff) error {
	if len(settings) == 0 {
		return nil
	}
	fmt.Fprintf(w, "\nsettings: %d\n", len(settings))
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range settings {
		sign, value := oldToNew(s.Old, s.New)
		fmt.Fprintf(tw, "  %s %s\t%s\n", sign, printable.Name(s.Name), printable.Name(value))
	}
	return tw.Flush()
}
