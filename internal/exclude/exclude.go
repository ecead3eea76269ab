// Package exclude has the paths that a base image is made without.
package exclude

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"lambdabase/internal/printable"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"github.com/tonistiigi/go-csvvalue"
)

// Linux has no longer paths, nor longer names in them.
const (
	maxPath = 4095
	maxName = 255
)

// Parse reads absolute paths that are separated by commas; one with a comma in it stands in double quotes. What it returns is
// the same in whatever order they are given: they are sorted, and none is below another.
func Parse(list string) ([]string, error) {
	fields, err := csvvalue.Fields(list, nil)
	if err != nil {
		return nil, errors.Wrap(err, "paths separated by commas")
	}
	paths := make([]string, 0, len(fields))
	for _, name := range fields {
		if err := check(name); err != nil {
			return nil, err
		}
		paths = append(paths, path.Clean(name))
	}
	slices.Sort(paths)
	all := slices.Compact(paths)
	return slices.DeleteFunc(slices.Clone(all), func(p string) bool {
		return slices.ContainsFunc(all, func(above string) bool { return p != above && IsIn(p, above) })
	}), nil
}

func check(name string) error {
	parts := strings.Split(name, "/")
	switch {
	case name == "":
		return errors.New("a path is empty")
	case printable.Name(name) != name:
		return errors.Errorf("%q has a character that can't be printed", name)
	case name[0] != '/':
		return errors.Errorf("%q is not absolute, want for example /usr/local/bin/aws-lambda-rie", name)
	case slices.Contains(parts, ".."):
		return errors.Errorf("%q has .. in it: give the path itself", name)
	case path.Clean(name) == "/":
		return errors.Errorf("%q is the whole image", name)
	case len(name) > maxPath || slices.ContainsFunc(parts, func(p string) bool { return len(p) > maxName }):
		return errors.Errorf("%.40q... is longer than a path can be", name)
	}
	return nil
}

// IsIn reports whether a path is another one, or below it. Both are clean.
func IsIn(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}

// CheckNeeded refuses paths without which an image of this config would run no function.
func CheckNeeded(paths []string, image ocispecs.ImageConfig) error {
	for _, needed := range neededBy(image) {
		for _, p := range paths {
			if p == needed.path {
				return errors.Errorf("%s can't be left out: it is %s", p, needed.what)
			}
			if IsIn(needed.path, p) {
				return errors.Errorf("%s can't be left out: %s is in it, %s", p, needed.path, needed.what)
			}
		}
	}
	return nil
}

type need struct{ path, what string }

// neededBy returns what Lambda, and the entrypoint, which is a script of AWS's, begin with.
func neededBy(image ocispecs.ImageConfig) (all []need) {
	if image.WorkingDir != "" {
		all = append(all, need{path.Clean(image.WorkingDir), "the working directory"})
	}
	if len(image.Entrypoint) > 0 {
		all = append(all, need{path.Clean(image.Entrypoint[0]), "the entrypoint"})
	}
	for _, env := range image.Env {
		switch name, value, _ := strings.Cut(env, "="); name {
		case "LAMBDA_TASK_ROOT":
			all = append(all, need{path.Clean(value), fmt.Sprintf("the folder of the function (%s)", name)})
		case "LAMBDA_RUNTIME_DIR":
			all = append(all, need{path.Join(value, "bootstrap"), fmt.Sprintf("what the entrypoint starts (%s)", name)})
		}
	}
	return all
}

// IsPattern reports whether a path looks as if it were meant for many, as a shell would read it. Paths are taken as they are.
func IsPattern(name string) bool { return strings.ContainsAny(name, "*?[") }
