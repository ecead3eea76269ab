package sample

import (
	"os"
	"path/filepath"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/pkg/errors"
)

// Repository is a bare git repository and an LFS object store on disk. It keeps nothing in memory:
// it may change on disk, and be used by several goroutines, while it is served.
type Repository struct {
	Dir string // repo.git and lfs/ are in it
}

// Create makes a repository with the branches, and with a branch main that HEAD points to as
// upstream's does. There must not be one yet.
func Create(dir string, branches []Branch) (*Repository, error) {
	r := &Repository{Dir: dir}
	if err := r.init(); err != nil {
		return nil, errors.Wrap(err, "new repository")
	}
	for _, b := range append([]Branch{mainBranch()}, branches...) {
		if _, err := r.Push(b); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Open is the repository that Create made in dir before.
func Open(dir string) (*Repository, error) {
	r := &Repository{Dir: dir}
	_, err := r.git()
	return r, err
}

func (r *Repository) git() (*git.Repository, error) {
	repo, err := git.PlainOpen(filepath.Join(r.Dir, "repo.git"))
	return repo, errors.Wrapf(err, "repository in %s", r.Dir)
}

// init makes the bare repository and lets it be read as GitHub's is: any commit by its id, shallow
// and partial; nothing is pushed over the network.
func (r *Repository) init() error {
	repo, err := git.PlainInitWithOptions(filepath.Join(r.Dir, "repo.git"), &git.PlainInitOptions{
		InitOptions: git.InitOptions{DefaultBranch: plumbing.NewBranchReferenceName("main")},
		Bare:        true,
	})
	if err != nil {
		return err
	}
	config, err := repo.Config()
	if err != nil {
		return err
	}
	config.Raw.Section("uploadpack").SetOption("allowAnySHA1InWant", "true").SetOption("allowFilter", "true")
	config.Raw.Section("http").SetOption("uploadpack", "true").SetOption("receivepack", "false")
	return repo.SetConfig(config)
}

// Push replaces the branch with an orphan commit of what b holds, as upstream does whenever it
// publishes. The commit before stays and can be fetched by its id, as on GitHub.
func (r *Repository) Push(b Branch) (commit string, err error) {
	defer func() { err = errors.Wrapf(err, "push of %s", b.Name) }()
	repo, err := r.git()
	if err != nil {
		return "", err
	}
	files, err := r.store(b)
	if err != nil {
		return "", err
	}
	id, err := writeCommit(repo.Storer, b, files)
	if err != nil {
		return "", err
	}
	ref := plumbing.NewHashReference(plumbing.NewBranchReferenceName(b.Name), id)
	return id.String(), repo.Storer.SetReference(ref)
}

// Delete removes the branch. Its commits stay until somebody collects garbage.
func (r *Repository) Delete(branch string) error {
	repo, err := r.git()
	if err != nil {
		return err
	}
	if _, err := r.Commit(branch); err != nil {
		return err
	}
	err = repo.Storer.RemoveReference(plumbing.NewBranchReferenceName(branch))
	return errors.Wrapf(err, "removal of %s", branch)
}

// Commit is the id of the branch's commit.
func (r *Repository) Commit(branch string) (string, error) {
	repo, err := r.git()
	if err != nil {
		return "", err
	}
	ref, err := repo.Reference(plumbing.NewBranchReferenceName(branch), true)
	if err != nil {
		return "", errors.Wrapf(err, "branch %s", branch)
	}
	return ref.Hash().String(), nil
}

// Object is the file that holds an LFS object.
func (r *Repository) Object(oid string) (path string, err error) {
	if !IsOID(oid) {
		return "", errors.Errorf("malformed oid %q", oid)
	}
	path = filepath.Join(r.Dir, objectFile(oid))
	_, err = os.Stat(path)
	return path, errors.Wrap(err, "object")
}
