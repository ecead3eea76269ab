package sample

import (
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/pkg/errors"
)

// CollectGarbage removes the commits that no branch has any more, and the objects that only they name.
func (r *Repository) CollectGarbage() error {
	repo, err := r.git()
	if err != nil {
		return err
	}
	if err := repo.Prune(git.PruneOptions{Handler: repo.DeleteObject}); err != nil {
		return errors.Wrap(err, "garbage")
	}
	named, err := r.objectsOfBranches(repo)
	if err != nil {
		return err
	}
	return errors.Wrap(filepath.WalkDir(filepath.Join(r.Dir, lfsDir), func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || named[entry.Name()] {
			return err
		}
		return os.Remove(name)
	}), "garbage")
}

// objectsOfBranches are those that the trees of branches name, by oid.
func (r *Repository) objectsOfBranches(repo *git.Repository) (map[string]bool, error) {
	named := map[string]bool{}
	branches, err := repo.Branches()
	if err != nil {
		return nil, errors.Wrap(err, "branches")
	}
	return named, branches.ForEach(func(ref *plumbing.Reference) error {
		tree, err := r.tree(ref.Hash().String())
		if err != nil {
			return err
		}
		return tree.Files().ForEach(func(f *object.File) error {
			text, err := f.Contents()
			if oid, ok := pointerOID([]byte(text)); ok {
				named[oid] = true
			}
			return err
		})
	})
}
