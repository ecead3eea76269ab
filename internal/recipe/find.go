package recipe

import (
	"path"
	"slices"
	"strings"

	"lambdabase/internal/catalog"

	"github.com/pkg/errors"
)

// archDirs are upstream's directories for the architectures, sorted. A branch that has neither is from before them: its
// recipe stands at the root and is x86_64.
var archDirs = []struct{ arch, dir string }{{"amd64", "x86_64"}, {"arm64", "arm64"}}

// ArchOf returns the architecture whose directory a path is in, or empty.
func ArchOf(name string) string {
	for _, a := range archDirs {
		if strings.HasPrefix(name, a.dir+"/") {
			return a.arch
		}
	}
	return ""
}

// CheckRuntime says of which other runtime a recipe is by its name. A mirror may call a branch what it likes, but a runtime's
// commit is of that runtime.
func CheckRuntime(name, runtime string) error {
	own := strings.TrimPrefix(path.Base(name), "Dockerfile.")
	if own != runtime && catalog.IsRuntime(own) && catalog.IsRuntime(runtime) {
		return errors.Errorf("is of %s, not of %s", own, runtime)
	}
	return nil
}

// Paths are the recipes of a branch: paths by architecture.
type Paths map[string]string

// Platforms returns those that a branch has recipes for, sorted.
func (f Paths) Platforms() []string {
	var platforms []string
	for _, a := range archDirs {
		if f[a.arch] != "" {
			platforms = append(platforms, "linux/"+a.arch)
		}
	}
	return platforms
}

// Find finds the recipes of a branch. List gives the names in a directory of its tree, sorted, and nothing where there is no
// such directory. A branch without a recipe has an empty result.
func Find(branch string, list func(dir string) ([]string, error)) (Paths, error) {
	paths := Paths{}
	for _, a := range archDirs {
		name, err := findIn(a.dir, branch, list)
		if err != nil {
			return nil, err
		}
		if name != "" {
			paths[a.arch] = name
		}
	}
	if len(paths) > 0 {
		return paths, nil
	}
	name, err := findIn(".", branch, list)
	if name != "" {
		paths["amd64"] = name
	}
	return paths, err
}

// FindOf is Find for one architecture; empty if there is no recipe for it. The directories of others are looked into only where its
// own has none.
func FindOf(arch, branch string, list func(dir string) ([]string, error)) (string, error) {
	for _, a := range archDirs {
		if a.arch != arch {
			continue
		}
		if name, err := findIn(a.dir, branch, list); name != "" || err != nil {
			return name, err
		}
	}
	paths, err := Find(branch, list)
	return paths[arch], err
}

// findIn returns the recipe of a directory: the one named after the branch, or the only one. A mirror may have a branch
// under another name.
func findIn(dir, branch string, list func(dir string) ([]string, error)) (string, error) {
	names, err := list(dir)
	if err != nil {
		return "", err
	}
	own := "Dockerfile." + branch
	if slices.Contains(names, own) {
		return path.Join(dir, own), nil
	}
	others := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasPrefix(name, "Dockerfile.") })
	switch len(others) {
	case 0:
		return "", nil
	case 1:
		return path.Join(dir, others[0]), nil
	}
	return "", errors.Errorf("branch %s has several recipes and none is %s: %s", branch, own, strings.Join(others, ", "))
}
