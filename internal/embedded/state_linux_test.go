package embedded

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/stretchr/testify/require"
)

func stateOf(t testing.TB, dir string) cacheState {
	t.Helper()
	s, err := (&root{path: dir}).readState()
	require.NoError(t, err)
	return s
}

// leave makes the state of a root another one.
func leave(t testing.TB, dir string, change func(*cacheState)) {
	t.Helper()
	s := stateOf(t, dir)
	change(&s)
	require.NoError(t, (&root{path: dir}).mark(s))
}

func TestStateTellsHowTheProcessEnded(t *testing.T) {
	dir := t.TempDir()
	boot, err := bootID()
	require.NoError(t, err)
	files := []string{"cache/containerdmeta.db", "cache/metadata_v2.db", "version"} // the first layer makes one more

	b := start(t, Options{Root: dir})
	s := stateOf(t, dir)
	require.Equal(t, cacheState{Open: true, Boot: boot, Files: s.Files}, s)
	require.NoError(t, b.Close())
	s = stateOf(t, dir)
	require.Equal(t, cacheState{Files: s.Files}, s)
	require.ElementsMatch(t, files, keys(s.Files))

	failing := func(ctx context.Context, cancel context.CancelFunc) {
		b := start(t, Options{Root: dir})
		c := connect(t, b)
		_, err := solve(ctx, c, client.SolveOpt{}, func(ctx context.Context, _ gateway.Client) (*gateway.Result, error) {
			if cancel != nil {
				cancel()
				<-ctx.Done()
			}
			return nil, errors.New("no")
		})
		require.Error(t, err)
		require.NoError(t, c.Close())
		require.NoError(t, b.Close())
	}
	failing(t.Context(), nil)
	s = stateOf(t, dir)
	require.Equal(t, cacheState{Failed: true, Files: s.Files}, s)
	failing(context.WithCancel(t.Context()))
	s = stateOf(t, dir)
	require.Equal(t, cacheState{Failed: true, Boot: boot, Files: s.Files}, s, "who interrupts doesn't wait for the disk")
	require.NoError(t, start(t, Options{Root: dir}).Close())
	require.False(t, stateOf(t, dir).unclean())
}

func keys(m map[string]fileID) (all []string) {
	for k := range m {
		all = append(all, k)
	}
	return all
}

func TestCacheThatIsBegunAnew(t *testing.T) {
	const wentDown, isCopy = "the machine went down", "it is a copy"
	for name, c := range map[string]struct {
		change func(t *testing.T, dir string)
		why    string // none: it is kept
	}{
		"closed": {func(*testing.T, string) {}, ""},
		"killed": {leaves(func(s *cacheState) { s.Open = true }), ""},
		"killed before all was written, and the machine is up": {func(t *testing.T, dir string) {
			boot, err := bootID()
			require.NoError(t, err)
			leave(t, dir, func(s *cacheState) { s.Open, s.Boot = true, boot })
		}, ""},
		"machine that went down while it was in use":    {leaves(func(s *cacheState) { s.Open, s.Boot = true, "other" }), wentDown},
		"machine that went down before all was written": {leaves(func(s *cacheState) { s.Boot = "other" }), wentDown},
		"half a state": {func(t *testing.T, dir string) { require.NoError(t, os.Truncate(filepath.Join(dir, stateFile), 5)) }, wentDown},
		"no state":     {func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, stateFile))) }, wentDown},
		"moved": {func(t *testing.T, dir string) {
			require.NoError(t, os.Rename(dir, dir+"-away"))
			require.NoError(t, os.Rename(dir+"-away", dir))
		}, ""},
		"reached another way": {func(t *testing.T, dir string) {
			require.NoError(t, os.Rename(dir, dir+"-away"))
			require.NoError(t, os.Symlink(dir+"-away", dir))
		}, ""},
		"copied back": {func(t *testing.T, dir string) {
			require.NoError(t, os.Rename(dir, dir+"-away"))
			require.NoError(t, exec.Command("cp", "-a", dir+"-away", dir).Run())
		}, isCopy},
		"database brought back": {func(t *testing.T, dir string) {
			file := filepath.Join(dir, cacheFolder, metadataDB)
			require.NoError(t, os.Rename(file, file+"-away"))
			require.NoError(t, exec.Command("cp", "-a", file+"-away", file).Run())
		}, isCopy},
	} {
		t.Run(name, func(t *testing.T) {
			needRoot(t)
			dir := filepath.Join(t.TempDir(), "root")
			require.NoError(t, start(t, Options{Root: dir}).Close())
			c.change(t, dir)
			mark := filepath.Join(dir, cacheFolder, "mark")
			require.NoError(t, os.WriteFile(mark, nil, 0o600))
			var said []string
			b, err := Start(t.Context(), Options{Root: dir, Notice: func(text string) { said = append(said, text) }})
			require.NoError(t, err)
			require.NoError(t, b.Close())
			if c.why == "" {
				require.Empty(t, said)
				require.FileExists(t, mark)
				return
			}
			require.Len(t, said, 1)
			require.Contains(t, said[0], "the cache in "+dir+" is begun anew: "+c.why)
			require.NoFileExists(t, mark)
		})
	}
}

func leaves(change func(*cacheState)) func(*testing.T, string) {
	return func(t *testing.T, dir string) { leave(t, dir, change) }
}

// A file system that doesn't tell when a file was born still tells its inode.
func TestIdentityOfAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	id, err := readFileID(file)
	require.NoError(t, err)
	require.NotZero(t, id.Inode)
	require.NotZero(t, id.Born)
	require.NoError(t, os.WriteFile(file, []byte("other"), 0o600))
	again, err := readFileID(file)
	require.NoError(t, err)
	require.Equal(t, id, again)
	_, err = readFileID(file + "x")
	require.ErrorIs(t, err, os.ErrNotExist)
}
