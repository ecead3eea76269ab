package branches

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"lambdabase/internal/catalog"
	"lambdabase/internal/gitssh"
	"lambdabase/internal/lfs"
	"lambdabase/internal/printable"
	"lambdabase/internal/recipe"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/transport"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// List fetches the newest commit of every branch, some hundred kilobytes in all as the trees hold pointers, and looks for
// recipes in it. Branches without one are left out, and those that can't be read where others can. The result is sorted by name.
func List(ctx context.Context, remote Remote) ([]catalog.Runtime, error) {
	s, err := remote.fetch(ctx)
	if err != nil {
		return nil, err
	}
	runtimes := []catalog.Runtime{}
	var failed error
	unread := 0
	for _, name := range slices.Sorted(maps.Keys(s.heads)) {
		r, err := s.readRuntime(ctx, name)
		if err != nil {
			failed = cmp.Or(failed, errors.Wrapf(err, "branch %s", printable.Name(name)))
			unread++
		}
		if len(r.Platforms) > 0 {
			runtimes = append(runtimes, r)
		}
	}
	if unread > 0 && unread == len(s.heads) { // it isn't for the branches
		return nil, failed
	}
	return runtimes, nil
}

// withHint adds to an error what to do about it.
func (r Remote) withHint(err error) error {
	if errors.Is(err, errSignIn) {
		err = errSignIn // net/http tells the URL, which is told already
	}
	if !errors.Is(err, errSignIn) && !errors.Is(err, transport.ErrAuthenticationRequired) && !errors.Is(err, transport.ErrAuthorizationFailed) && !errors.Is(err, transport.ErrRepositoryNotFound) {
		return err
	}
	if _, isSSH, _ := gitssh.ParseRemote(r.URL); isSSH {
		return errors.Errorf("%v, or no key of the SSH agent (--ssh default) may read it", err)
	}
	u, perr := url.Parse(r.URL)
	if perr != nil {
		return err
	}
	if _, name := r.Credentials.Authorization(u); name != "" {
		err = errors.Errorf("the credential (%s) was refused: %v", name, err)
	}
	return errors.Errorf("%v: %s", err, r.Credentials.Hint(u))
}

// readRuntime looks at one branch. A branch whose recipes can't be told apart is no runtime. One that names no commit, or a
// larger one than is kept, can't be read.
func (s *fetchedHeads) readRuntime(ctx context.Context, name string) (catalog.Runtime, error) {
	commit, err := object.GetCommit(s.objects, s.heads[name])
	if err != nil {
		return catalog.Runtime{}, err
	}
	root, err := commit.Tree()
	if err != nil {
		return catalog.Runtime{}, err
	}
	found, err := recipe.Find(name, func(dir string) ([]string, error) { return listDir(root, dir) })
	if err != nil {
		return catalog.Runtime{}, nil
	}
	r := catalog.Runtime{Name: name, Platforms: found.Platforms(), Commit: commit.Hash.String()}
	if date := commit.Committer.When.UTC(); len(r.Platforms) > 0 && date.Year() <= catalog.MaxYear { // a build wants another date for a later one
		r.Date = date
	}
	for arch, file := range found {
		r.Size = max(r.Size, layersSize(ctx, root, file, arch))
	}
	return r, nil
}

// layersSize returns that of the layers of a recipe; 0 where that can't be told, which is for a build to explain.
func layersSize(ctx context.Context, root *object.Tree, file, arch string) (total int64) {
	text, err := readFile(root, file)
	if err != nil {
		return 0
	}
	rec, err := recipe.Parse(ctx, file, []byte(text), ocispecs.Platform{OS: "linux", Architecture: arch})
	if err != nil {
		return 0
	}
	for _, add := range rec.Adds {
		text, err := readFile(root, path.Join(path.Dir(file), add.Source))
		if err != nil {
			return 0
		}
		pointer, err := lfs.ParsePointer([]byte(text))
		if err != nil {
			return 0
		}
		total += pointer.Size
	}
	return total
}

func readFile(root *object.Tree, name string) (string, error) {
	file, err := root.File(name)
	if err != nil {
		return "", err
	}
	return file.Contents()
}

// listDir returns the plain files of a directory of a tree.
func listDir(root *object.Tree, dir string) ([]string, error) {
	tree := root
	if dir != "." {
		entry, err := root.FindEntry(strings.Trim(dir, "/"))
		if err == nil && entry.Mode == filemode.Symlink { // which a build doesn't follow
			return nil, errors.Errorf("%s is a symlink", dir)
		}
		if err != nil || entry.Mode != filemode.Dir {
			return nil, nil
		}
		if tree, err = root.Tree(dir); err != nil {
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
