package bench

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"lambdabase/internal/sample"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/stretchr/testify/require"
)

// sizes are those of the two samples.
type sizes struct{ real, many sampleSize }

// sampleSize is a sample in a folder; it is made where there is none.
type sampleSize struct {
	dir   string
	scale float64
}

func realSizes(dir string) sizes {
	return sizes{sampleSize{filepath.Join(dir, "real"), 1}, sampleSize{filepath.Join(dir, "all"), 0.05}}
}

func smallSizes(dir string) sizes {
	return sizes{sampleSize{filepath.Join(dir, "real"), 0.001}, sampleSize{filepath.Join(dir, "all"), 0.001}}
}

// makeSample leaves nothing that is half made.
func (s sampleSize) make(t *testing.T, runtimes []string) {
	t.Helper()
	part := s.dir + ".part"
	require.NoError(t, os.RemoveAll(part))
	branches, err := sample.Upstream(sample.UpstreamOptions{Scale: s.scale, Branches: runtimes})
	require.NoError(t, err)
	_, err = sample.Create(part, branches)
	require.NoError(t, err)
	require.NoError(t, os.Rename(part, s.dir))
}

// copy is a copy on the tmpfs.
func (s sampleSize) copy(t *testing.T, runtimes []string) *sample.Repository {
	t.Helper()
	if _, err := os.Stat(s.dir); err != nil {
		s.make(t, runtimes)
	}
	dir := filepath.Join(t.TempDir(), "sample")
	require.NoError(t, os.CopyFS(dir, os.DirFS(s.dir)))
	repository, err := sample.Open(dir)
	require.NoError(t, err)
	return repository
}

// branchesOf are all that a sample has.
func branchesOf(t *testing.T, repository *sample.Repository) (names []string) {
	t.Helper()
	repo, err := git.PlainOpen(filepath.Join(repository.Dir, "repo.git"))
	require.NoError(t, err)
	branches, err := repo.Branches()
	require.NoError(t, err)
	require.NoError(t, branches.ForEach(func(r *plumbing.Reference) error {
		names = append(names, r.Name().Short())
		return nil
	}))
	return names
}

// change pushes a commit of the first runtime that has one other layer, and leaves the branch as it was.
func (h *host) change(t *testing.T) (commit string) {
	t.Helper()
	runtime := one[0]
	head := sample.Branch{Name: runtime, Date: time.Date(2024, 10, 14, 0, 0, 0, 0, time.UTC), Files: map[string][]byte{}, LFS: map[string][]byte{}}
	for path, f := range h.trees[runtime] {
		content, err := os.ReadFile(filepath.Join(h.checkout(runtime, false), path))
		require.NoError(t, err)
		if f.pointer != nil {
			head.LFS[path] = content
		} else {
			head.Files[path] = content
		}
	}
	client := h.layers(runtime, "x86_64")[2].path // the third largest is that of the runtime's client
	original := head.LFS[client]
	head.LFS[client] = append(original[:len(original):len(original)], 0, 0, 0, 0) // padding, which xz skips
	commit, err := h.Push(head)
	require.NoError(t, err)
	require.NoError(t, h.Checkout(runtime, h.checkout(runtime, true)))
	head.LFS[client] = original
	h.heads[runtime], err = h.Push(head)
	require.NoError(t, err)
	return commit
}
