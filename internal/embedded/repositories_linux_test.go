package embedded

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lambdabase/internal/isolate/isolatetest"

	"github.com/stretchr/testify/require"
)

// left are files that git leaves when it is killed.
var left = []string{
	"index.lock", "shallow.lock", "config.lock", "HEAD.lock", "packed-refs.lock", "packed-refs.new", "gc.pid", "shallow_x1Y2z3",
	"refs/tags/main.lock", "refs/buildkit/x.lock", "objects/pack/tmp_pack_x1Y2z3", "objects/pack/pack-1.keep",
	"objects/tmp_objdir-bulk-fsync-x1/ab/c", "objects/incoming-x1/pack/p", "objects/info/commit-graphs/commit-graph-chain.lock",
}

// kept are files that look like them.
var kept = []string{"refs/heads/tmp_x", "refs/tags/v1.keep", "refs/heads/gc.pid", "objects/info/packs", "config", "shallow", "modules/tmp_x/HEAD", "modules/a/refs/heads/tmp_x"}

func TestWhatAKilledGitLeavesIsCleared(t *testing.T) {
	for _, all := range []bool{false, true} {
		dir := t.TempDir()
		putFiles(t, dir, append(left, kept...)...)
		putFiles(t, dir, "objects/ab/tmp_obj_x1Y2z3", "objects/ab/cdef")
		require.NoError(t, removeLeftovers(dir, all))
		for _, name := range left {
			require.NoFileExists(t, filepath.Join(dir, name))
		}
		for _, name := range append(kept, "objects/ab/cdef") {
			require.FileExists(t, filepath.Join(dir, name))
		}
		_, err := os.Stat(filepath.Join(dir, "objects/ab/tmp_obj_x1Y2z3"))
		require.Equal(t, all, os.IsNotExist(err), "which does no harm")
	}
}

func putFiles(t testing.TB, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, nil, 0o644))
	}
}

// sharedRepository is the one that BuildKit keeps.
func sharedRepository(t testing.TB, root string) string {
	t.Helper()
	found := glob(t, root, "cache/snapshots/snapshots/*/fs/HEAD")
	require.Len(t, found, 1)
	return filepath.Dir(found[0])
}

func TestANewCommitIsBuiltWhateverGitHasLeft(t *testing.T) {
	for name, c := range map[string]struct {
		leave func(t *testing.T, repository, commit string)
		state func(*cacheState)
	}{
		"locks by a process that ended well":                    {leaveLocks, func(*cacheState) {}},
		"locks by one that was killed":                          {leaveLocks, killed},
		"a commit without files by one that was killed":         {leaveCommit, killed},
		"a commit without files by a build that was broken off": {leaveCommit, func(s *cacheState) { s.Git = true }},
		"no objects": {leaveNothing, killed},
	} {
		t.Run(name, func(t *testing.T) {
			isolatetest.NeedRoot(t, "git")
			root := t.TempDir()
			url, dir := serveGit(t, 1)
			built(t, root, &build{Git: url}, nil)
			putFiles(t, dir, "new")
			next := &build{Git: url, Commit: commit(t, dir)}
			want := built(t, t.TempDir(), next, nil)
			c.leave(t, sharedRepository(t, root), git(t, dir, "cat-file", "commit", next.Commit)+"\n")
			leave(t, root, c.state)
			require.Equal(t, want, built(t, root, next, nil))
		})
	}
}

func killed(s *cacheState) { s.Open = true }

func leaveLocks(t *testing.T, repository, _ string) { putFiles(t, repository, left...) }

// leaveCommit is a fetch that ended after its first object.
func leaveCommit(t *testing.T, repository, commit string) {
	cmd := exec.Command("git", "--git-dir", repository, "hash-object", "-t", "commit", "-w", "--stdin")
	cmd.Stdin = strings.NewReader(commit)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func leaveNothing(t *testing.T, repository, _ string) {
	require.NoError(t, os.RemoveAll(filepath.Join(repository, "objects")))
}

// A repository in which nothing is wrong is not fetched again, whatever else has failed.
func TestARepositoryThatIsWholeIsKept(t *testing.T) {
	isolatetest.NeedRoot(t, "git")
	root := t.TempDir()
	b := &build{}
	b.Git, _ = serveGit(t, 1)
	built(t, root, b, nil)
	repository := sharedRepository(t, root)
	leave(t, root, func(s *cacheState) { s.Open, s.Failed, s.Git = true, true, true })
	var log isolatetest.Output
	built(t, root, b, &log)
	require.Equal(t, repository, sharedRepository(t, root))
	require.NotContains(t, log.String(), "is dropped")
}
