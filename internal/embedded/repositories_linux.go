package embedded

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/moby/buildkit/cache"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/snapshot"
	"github.com/moby/buildkit/util/bklog"
	"github.com/pkg/errors"
)

// gitRemotes is the index by which BuildKit finds its repositories (v0.33.1, source/git/source.go:1629).
const gitRemotes = "git-remote::"

// leftoverRE matches files of git processes, which each of them removes before it ends, if it isn't killed. Locks make every
// later process fail, which waits for none, and so does packed-refs.new.
var leftoverRE = regexp.MustCompile(`\.lock$|^packed-refs\.new$|^gc\.pid$|^shallow_|^tmp_|^\.tmp-|^incoming-|\.keep$`)

// repairRepositories clears the repositories that BuildKit's git source keeps for one build after the other of what git
// processes left that were killed; BuildKit itself removes shallow.lock only. They may have been killed without a trace in
// the state of the cache, too: when a process of its own ends, git may be collecting garbage in the background.
//
// If git failed, a repository may also have a commit without its files, which BuildKit would take for whole. Such a
// repository is dropped, and fetched again when it is needed.
func repairRepositories(ctx context.Context, m cache.Manager, gitFailed bool) {
	found, err := m.Search(ctx, gitRemotes, true)
	if err != nil {
		bklog.L.Warnf("git repositories of the cache: %v", err)
	}
	for _, md := range found {
		err := repairRepository(ctx, m, md.ID(), gitFailed)
		if err == nil {
			continue
		}
		bklog.L.Warnf("%s is dropped: %v", md.GetDescription(), err)
		if err := m.Prune(ctx, nil, client.PruneInfo{All: true, Filter: []string{"id==" + md.ID()}}); err != nil {
			bklog.L.Warnf("%s: %v", md.GetDescription(), err)
		}
	}
}

// repairRepository fails if the repository can't be used any more.
func repairRepository(ctx context.Context, m cache.Manager, id string, gitFailed bool) error {
	ref, err := m.GetMutable(ctx, id, cache.NoUpdateLastUsed)
	if err != nil {
		return err
	}
	defer ref.Release(context.WithoutCancel(ctx))
	mountable, err := ref.Mount(ctx, false, nil)
	if err != nil {
		return err
	}
	mounter := snapshot.LocalMounter(mountable)
	dir, err := mounter.Mount()
	if err != nil {
		return err
	}
	defer mounter.Unmount()
	if err := removeLeftovers(dir, gitFailed); err != nil || !gitFailed {
		return err
	}
	return verifyRepository(ctx, dir)
}

// removeLeftovers removes what no process but a killed one can have left. Only if all is looked through, this includes
// what does no harm: that may be in as many folders as there are objects.
func removeLeftovers(dir string, all bool) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inObjects := filepath.Base(filepath.Dir(path)) == "objects"
		switch {
		case d.IsDir() && inObjects && leftoverRE.MatchString(d.Name()): // objects that were not yet taken over
			if err := os.RemoveAll(path); err != nil {
				return err
			}
			return fs.SkipDir
		case d.IsDir() && inObjects && len(d.Name()) == 2 && !all:
			return fs.SkipDir
		case !d.IsDir() && leftoverRE.MatchString(d.Name()) && !isRef(dir, path):
			return os.Remove(path)
		}
		return nil
	})
}

// isRef reports whether a file is a branch or a tag, of a submodule too, which may have any name but that of a lock.
func isRef(dir, path string) bool {
	name, err := filepath.Rel(dir, path)
	return err == nil && strings.Contains("/"+name, "/refs/") && !strings.HasSuffix(name, ".lock")
}

// verifyRepository fails if a commit is there of which something is missing: git writes what it fetches one by one, and the
// commit first. Submodules have repositories of their own, of which it can't be told.
func verifyRepository(ctx context.Context, dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, "modules")); err == nil {
		return errors.New("it has submodules")
	}
	objects, err := runGit(ctx, dir, nil, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)")
	if err != nil {
		return err
	}
	var commits bytes.Buffer
	for line := range strings.Lines(string(objects)) {
		if name, is := strings.CutPrefix(line, "commit "); is {
			commits.WriteString(name)
		}
	}
	_, err = runGit(ctx, dir, commits.Bytes(), "rev-list", "--objects", "--quiet", "--stdin")
	return err
}

// runGit runs git as BuildKit does, without the user's configuration.
func runGit(ctx context.Context, dir string, in []byte, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"--git-dir", dir}, args...)...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + os.DevNull,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
	}
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &errs
	out, err := cmd.Output()
	return out, errors.Wrapf(err, "git %s: %s", args[0], strings.TrimSpace(errs.String()))
}
