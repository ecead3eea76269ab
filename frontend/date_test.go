package frontend

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/stretchr/testify/require"
	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// dirRef is a folder on disk as a daemon shows it.
type dirRef struct {
	stubRef
	dir string
}

func (r dirRef) ReadDir(_ context.Context, req gateway.ReadDirRequest) ([]*fstypes.Stat, error) {
	entries, err := os.ReadDir(filepath.Join(r.dir, req.Path))
	var list []*fstypes.Stat
	for _, e := range entries {
		st, err := fsutil.Stat(filepath.Join(r.dir, req.Path, e.Name()))
		if err != nil {
			return nil, err
		}
		list = append(list, st)
	}
	return list, err
}

func (r dirRef) ReadFile(_ context.Context, req gateway.ReadRequest) ([]byte, error) {
	dt, err := os.ReadFile(filepath.Join(r.dir, req.Filename))
	if req.Range != nil {
		dt = dt[:min(len(dt), req.Range.Length)]
	}
	return dt, err
}

func TestTheDateIsReadFromWhatGitKeeps(t *testing.T) {
	date := time.Unix(1728915339, 0).UTC()
	for name, tc := range map[string]struct {
		format, message string
		pack            bool
		tags            int
	}{
		"a file":                        {format: "sha1", message: "x"},
		"a pack":                        {format: "sha1", message: "x", pack: true},
		"a file, with longer ids":       {format: "sha256", message: "x"},
		"a pack, with longer ids":       {format: "sha256", message: "x", pack: true},
		"a file, with a long message":   {format: "sha1", message: noise()},
		"a pack, with a long message":   {format: "sha1", message: noise(), pack: true},
		"a file, with an empty message": {format: "sha1"},
		"a tag":                         {format: "sha1", message: "x", tags: 1},
		"a tag in a pack":               {format: "sha1", message: "x", tags: 1, pack: true},
		"a tag, with longer ids":        {format: "sha256", message: "x", tags: 1},
		"a tag of a tag":                {format: "sha1", message: "x", tags: 2},
		"a tag of a tag in a pack":      {format: "sha1", message: "x", tags: 2, pack: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			git := func(stdin string, args ...string) string {
				cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
				cmd.Stdin = strings.NewReader(stdin)
				cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_AUTHOR_DATE=@86400 +0000", "GIT_COMMITTER_DATE=1728915339 +0200",
					"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
				out, err := cmd.CombinedOutput()
				require.NoError(t, err, string(out))
				return strings.TrimSpace(string(out))
			}
			git("", "init", "-q", "--object-format="+tc.format)
			root := git("", "write-tree")
			commit := git(tc.message, "commit-tree", root)
			git("", "update-ref", "HEAD", commit)
			id := commit
			for i := range tc.tags {
				name := fmt.Sprintf("tag%d", i)
				git("", "tag", "-a", "-m", "x", name, commit)
				commit = git("", "rev-parse", name)
			}
			if tc.pack {
				git("", "repack", "-a", "-d", "-q")
			}
			got, err := (&tree{ref: dirRef{dir: dir}}).commitDate(t.Context(), commit)
			require.NoError(t, err)
			require.Equal(t, date, got)
			require.Equal(t, id, (&tree{ref: dirRef{dir: dir}}).resolveTag(t.Context(), commit))
		})
	}
}

// noise is a text that doesn't pack well, longer than what is read of a commit.
func noise() string {
	var s strings.Builder
	for i := range maxCommitHead {
		fmt.Fprintf(&s, "%x\n", i*i*2654435761)
	}
	return s.String()
}

func TestADateThatCannotBeReadIsSaid(t *testing.T) {
	commit := strings.Repeat("ab", 20)
	for name, tc := range map[string]struct {
		tree stubRef
		want string
	}{
		"no object":       {stubRef{}, "its object is not in .git"},
		"no git object":   {stubRef{".git/objects/ab": stubDir, ".git/objects/ab/" + commit[2:]: {data: "x"}}, "git object"},
		"no pack":         {stubRef{".git/objects/pack/pack-1.pack": {data: "x"}}, "git pack"},
		"an ended object": {stubRef{".git/objects/ab": stubDir, ".git/objects/ab/" + commit[2:]: {data: withCommit(stubRef{}, commit)[".git/objects/ab/"+commit[2:]].data[:20]}}, "commit"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := (&tree{ref: tc.tree}).commitDate(t.Context(), commit)
			require.ErrorContains(t, err, "date of commit "+commit)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestADateThatNoImageCanHaveIsAnError(t *testing.T) {
	for date, want := range map[string]string{"253402300799 +0000": "", "253402300800 +0000": "up to the year 9999", "-1 +0000": "up to the year 9999", "soon": "without a date"} {
		_, err := commitDate([]byte("tree " + strings.Repeat("ab", 20) + "\nauthor a <a@example.com> 1 +0000\ncommitter a <a@example.com> " + date + "\n\nx"))
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, want, date)
	}
}

// countingRef counts the files that are read.
type countingRef struct {
	stubRef
	reads *atomic.Int32
}

func (r countingRef) ReadFile(ctx context.Context, req gateway.ReadRequest) ([]byte, error) {
	r.reads.Add(1)
	return r.stubRef.ReadFile(ctx, req)
}

func TestACommitIsReadOnceForItsIDAndItsDate(t *testing.T) {
	var reads atomic.Int32
	read := &tree{ref: countingRef{withCommit(stubRef{}, stubCommit), &reads}}
	require.Equal(t, stubCommit, read.resolveTag(t.Context(), stubCommit))
	_, err := read.commitDate(t.Context(), stubCommit)
	require.NoError(t, err)
	require.EqualValues(t, 1, reads.Load())
}
