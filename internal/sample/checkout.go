package sample

import (
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/pkg/errors"
)

// Checkout writes the branch as `git lfs pull` leaves it, the tarballs in the place of the pointers:
// the context of the Dockerfile build that is the oracle. Every file has mode 0644.
func (r *Repository) Checkout(branch, dir string) error {
	return r.checkout(branch, dir, func(content []byte) ([]byte, error) {
		oid, ok := pointerOID(content)
		if !ok {
			return content, nil
		}
		name, err := r.Object(oid)
		if err != nil {
			return nil, err
		}
		return os.ReadFile(name)
	})
}

// CheckoutPointers writes the branch as it is in git, which is what a clone without git-lfs holds.
func (r *Repository) CheckoutPointers(branch, dir string) error {
	return r.checkout(branch, dir, func(content []byte) ([]byte, error) { return content, nil })
}

func (r *Repository) checkout(branch, dir string, smudge func([]byte) ([]byte, error)) error {
	commit, err := r.Commit(branch)
	if err != nil {
		return err
	}
	tree, err := r.tree(commit)
	if err != nil {
		return err
	}
	return tree.Files().ForEach(func(f *object.File) error {
		content, err := f.Contents()
		if err != nil {
			return errors.Wrap(err, f.Name)
		}
		final, err := smudge([]byte(content))
		if err != nil {
			return errors.Wrap(err, f.Name)
		}
		return writeFile(filepath.Join(dir, f.Name), final)
	})
}

// tree of a commit, whether a branch still names it or not.
func (r *Repository) tree(commit string) (*object.Tree, error) {
	repo, err := r.git()
	if err != nil {
		return nil, err
	}
	c, err := repo.CommitObject(plumbing.NewHash(commit))
	if err != nil {
		return nil, errors.Wrapf(err, "commit %s", commit)
	}
	tree, err := c.Tree()
	return tree, errors.Wrapf(err, "tree of %s", commit)
}

// writeFile sets the mode whatever the umask says: it becomes part of the context's checksum.
func writeFile(name string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(name, content, 0o644); err != nil {
		return err
	}
	return os.Chmod(name, 0o644)
}

// OIDAt returns the oid of the pointer at a path of a commit.
func (r *Repository) OIDAt(commit, path string) (oid string, ok bool) {
	tree, err := r.tree(commit)
	if err != nil {
		return "", false
	}
	file, err := tree.File(path)
	if err != nil {
		return "", false
	}
	content, err := file.Contents()
	if err != nil {
		return "", false
	}
	return pointerOID([]byte(content))
}
