// Package branches lists the runtimes of a repository: its branches, and for which platforms each has a recipe. No source
// of BuildKit can do that, so it runs in a step of its own, and on a user's machine.
package branches

import (
	"context"
	"os"
	"sort"
	"strings"

	"lambdabase/internal/recipe"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/storage/memory"
	"github.com/pkg/errors"
)

// Runtime is a branch that is a runtime.
type Runtime struct {
	Name      string   `json:"name"`
	Platforms []string `json:"platforms"`
	Commit    string   `json:"commit,omitempty"`
}

// Answer is what the step that lists runtimes leaves: them, or why there are none. A step that fails says nothing to
// whoever asked for it but its exit code.
type Answer struct {
	Runtimes []Runtime `json:"runtimes,omitempty"`
	Error    string    `json:"error,omitempty"`
}

// TokenFile holds the token for the repository, if there is one; with ".host" behind it, that for its host.
const TokenFile = "/run/secrets/lambdabase-git-token"

// token is the one for the host, else the one for all.
func token() string {
	for _, file := range []string{TokenFile + ".host", TokenFile} {
		if dt, err := os.ReadFile(file); err == nil {
			return strings.TrimSpace(string(dt))
		}
	}
	return ""
}

// List fetches the newest commit of every branch, some hundred kilobytes in all as the trees hold pointers, and looks for
// recipes in it. Branches without one are left out. The result is sorted by name.
func List(ctx context.Context, repository string) ([]Runtime, error) {
	repo, err := fetch(ctx, repository)
	if err != nil {
		return nil, errors.Wrapf(err, "branches of %s", repository)
	}
	refs, err := repo.Branches()
	if err != nil {
		return nil, errors.Wrapf(err, "branches of %s", repository)
	}
	runtimes := []Runtime{}
	err = refs.ForEach(func(ref *plumbing.Reference) error {
		r, err := runtime(repo, ref)
		if len(r.Platforms) > 0 {
			runtimes = append(runtimes, r)
		}
		return errors.Wrapf(err, "branch %s", ref.Name().Short())
	})
	sort.Slice(runtimes, func(i, j int) bool { return runtimes[i].Name < runtimes[j].Name })
	return runtimes, err
}

func fetch(ctx context.Context, repository string) (*git.Repository, error) {
	repo, err := git.Init(memory.NewStorage(), nil)
	if err != nil {
		return nil, err
	}
	remote, err := repo.CreateRemote(&config.RemoteConfig{Name: "origin", URLs: []string{repository}})
	if err != nil {
		return nil, err
	}
	options := &git.FetchOptions{
		RefSpecs: []config.RefSpec{"+refs/heads/*:refs/heads/*"},
		Depth:    1,
		Tags:     git.NoTags,
	}
	if t := token(); t != "" { // as BuildKit's git source sends it
		options.Auth = &http.BasicAuth{Username: "x-access-token", Password: t}
	}
	return repo, remote.FetchContext(ctx, options)
}

// runtime looks at one branch. A branch whose recipes can't be told apart is no runtime.
func runtime(repo *git.Repository, ref *plumbing.Reference) (Runtime, error) {
	commit, err := repo.CommitObject(ref.Hash())
	if err != nil {
		return Runtime{}, err
	}
	root, err := commit.Tree()
	if err != nil {
		return Runtime{}, err
	}
	name := ref.Name().Short()
	found, err := recipe.Find(name, func(folder string) ([]string, error) { return names(root, folder) })
	if err != nil {
		return Runtime{}, nil
	}
	return Runtime{Name: name, Platforms: found.Platforms(), Commit: ref.Hash().String()}, nil
}

// names are the plain files of a folder of a tree.
func names(root *object.Tree, folder string) ([]string, error) {
	tree := root
	if folder != "." {
		entry, err := root.FindEntry(strings.Trim(folder, "/"))
		if err != nil || entry.Mode != filemode.Dir {
			return nil, nil
		}
		if tree, err = root.Tree(folder); err != nil {
			return nil, err
		}
	}
	var names []string
	for _, e := range tree.Entries {
		if e.Mode.IsFile() {
			names = append(names, e.Name)
		}
	}
	return names, nil
}
