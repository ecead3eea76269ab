package recipe

import (
	"path"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// folders are upstream's names of the architectures, sorted. A branch that has neither folder is from before them: its
// recipe stands at the root and is x86_64.
var folders = []struct{ arch, folder string }{{"amd64", "x86_64"}, {"arm64", "arm64"}}

// ArchOf is the architecture whose folder a path is in, or empty.
func ArchOf(name string) string {
	for _, a := range folders {
		if strings.HasPrefix(name, a.folder+"/") {
			return a.arch
		}
	}
	return ""
}

// Paths are the recipes of a branch: paths by architecture.
type Paths map[string]string

// Platforms are those that a branch has recipes for, sorted.
func (f Paths) Platforms() []string {
	var platforms []string
	for _, a := range folders {
		if f[a.arch] != "" {
			platforms = append(platforms, "linux/"+a.arch)
		}
	}
	return platforms
}

// Find finds the recipes of a branch. List gives the names in a folder of its tree, sorted, and nothing where there is no
// such folder. A branch without a recipe has an empty result.
func Find(branch string, list func(folder string) ([]string, error)) (Paths, error) {
	found := Paths{}
	for _, a := range folders {
		name, err := in(a.folder, branch, list)
		if err != nil {
			return nil, err
		}
		if name != "" {
			found[a.arch] = name
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	name, err := in(".", branch, list)
	if name != "" {
		found["amd64"] = name
	}
	return found, err
}

// in is the recipe of a folder: the one named after the branch, or the only one. A mirror may have a branch under another
// name.
func in(folder, branch string, list func(folder string) ([]string, error)) (string, error) {
	names, err := list(folder)
	if err != nil {
		return "", err
	}
	own := "Dockerfile." + branch
	if slices.Contains(names, own) {
		return path.Join(folder, own), nil
	}
	others := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasPrefix(name, "Dockerfile.") })
	switch len(others) {
	case 0:
		return "", nil
	case 1:
		return path.Join(folder, others[0]), nil
	}
	return "", errors.Errorf("branch %s has several recipes and none is %s: %s", branch, own, strings.Join(others, ", "))
}
