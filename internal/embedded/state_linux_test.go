package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"lambdabase/internal/isolate/isolatetest"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/stretchr/testify/require"
)

func stateOf(t testing.TB, dir string) cacheState {
	t.Helper()
	s, err := (&cacheDir{path: dir}).readState()
	require.NoError(t, err)
	return s
}

// leave makes the state of a root another one.
func leave(t testing.TB, dir string, change func(*cacheState)) {
	t.Helper()
	s := stateOf(t, dir)
	change(&s)
	require.NoError(t, (&cacheDir{path: dir}).writeState(s))
}

func TestStateTellsHowTheProcessEnded(t *testing.T) {
	dir := t.TempDir()
	boot, err := bootID()
	require.NoError(t, err)
	files := []string{"cache/containerdmeta.db", "cache/metadata_v2.db", "version"} // the first layer makes one more

	b := start(t, Options{Root: dir})
	s := stateOf(t, dir)
	require.Equal(t, cacheState{Open: true, Boot: boot, Self: s.Self, Files: s.Files}, s)
	require.NoError(t, b.Close())
	s = stateOf(t, dir)
	require.Equal(t, cacheState{Self: s.Self, Files: s.Files}, s)
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
	require.Equal(t, cacheState{Failed: true, Self: s.Self, Files: s.Files}, s)
	failing(context.WithCancel(t.Context()))
	s = stateOf(t, dir)
	require.Equal(t, cacheState{Failed: true, Boot: boot, Self: s.Self, Files: s.Files}, s, "who interrupts doesn't wait for the disk")
	b = start(t, Options{Root: dir})
	require.Eventually(t, func() bool { return !b.outcome.collecting.Load() }, sandbox.WaitTimeout, time.Millisecond, "nothing left of the failure")
	require.NoError(t, b.Close())
	require.False(t, stateOf(t, dir).unclean())
}

// What a killed process left is for the next process, where this one ends before all of it is removed.
func TestStateTellsWhatIsLeftToRemove(t *testing.T) {
	dir := t.TempDir()
	b := start(t, Options{Root: dir})
	b.outcome.collecting.Store(true)
	require.NoError(t, b.Close())
	require.True(t, stateOf(t, dir).unclean())
}

func TestWhatIsLeftToRemoveIsToldWhereItFails(t *testing.T) {
	b := start(t, Options{Root: t.TempDir()})
	require.NoError(t, b.Close())
	var c closers
	s, err := openStore(t.Context(), b.dir, &c)
	require.NoError(t, err)
	require.NoError(t, c.close())
	var o buildTracker
	o.collecting.Store(true)
	s.collectGarbage(t.Context(), &o)
	require.True(t, o.failed.Load())
	require.False(t, o.collecting.Load(), "nobody waits for it")
}

func keys(m map[string]fileID) (all []string) {
	for k := range m {
		all = append(all, k)
	}
	return all
}

func TestCacheThatIsBegunAnew(t *testing.T) {
	const wentDown, isCopy, unknown = "the machine went down", "it is a copy", "how it was left is not known (file state: "
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
		"killed while it wrote its state": {func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, stateFile+".next"), []byte("{"), 0o600))
		}, ""},
		"half a state": {func(t *testing.T, dir string) { require.NoError(t, os.Truncate(filepath.Join(dir, stateFile), 5)) }, unknown + "unexpected end"},
		"no state":     {func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, stateFile))) }, unknown + "open "},
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
			file := filepath.Join(dir, cacheSubdir, metadataDB)
			require.NoError(t, os.Rename(file, file+"-away"))
			require.NoError(t, exec.Command("cp", "-a", file+"-away", file).Run())
		}, isCopy},
		"copied over, as it is":                 {copiedOver(nothing, "cp", "-r"), isCopy},
		"copied over, as it is, all of it":      {copiedOver(nothing, "cp", "-a"), isCopy},
		"copied over, as it was":                {copiedOver(useAgain, "cp", "-r"), isCopy},
		"copied over, as it was, all of it":     {copiedOver(useAgain, "cp", "-a"), isCopy},
		"copied over after a kill":              {copiedOver(useAndKill, "cp", "-a"), isCopy},
		"only the state copied over":            {copyState(useAgain), isCopy},
		"only the state copied over, by a kill": {copyState(useAndKill), isCopy},
		"database copied over": {func(t *testing.T, dir string) {
			file := filepath.Join(dir, cacheSubdir, contentDB)
			require.NoError(t, exec.Command("cp", "-a", file, file+"-away").Run())
			require.NoError(t, exec.Command("cp", "-a", file+"-away", file).Run())
		}, isCopy},
		"state of an older version": {func(t *testing.T, dir string) {
			s := stateOf(t, dir)
			s.Self = fileID{}
			for name, id := range s.Files {
				s.Files[name] = fileID{Inode: id.Inode, Born: id.Born}
			}
			text, err := json.Marshal(s)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, stateFile), text, 0o600))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			isolatetest.NeedRoot(t)
			dir := filepath.Join(t.TempDir(), "root")
			require.NoError(t, start(t, Options{Root: dir}).Close())
			c.change(t, dir)
			mark := filepath.Join(dir, cacheSubdir, "mark")
			require.NoError(t, os.WriteFile(mark, nil, 0o600))
			var said []string
			b, err := Start(t.Context(), Options{Root: dir, OnReset: func(text string) { said = append(said, text) }})
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

// copiedOver copies a cache, does something with it, and copies the copy back into its files.
func copiedOver(do func(t *testing.T, dir string), command ...string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		require.NoError(t, exec.Command("cp", "-a", dir, dir+"-backup").Run())
		do(t, dir)
		out, err := exec.Command(command[0], append(command[1:], dir+"-backup/.", dir+"/")...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}

// copyState is what is left of that by rsync, which spares what has the same size and time.
func copyState(do func(t *testing.T, dir string)) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		file := filepath.Join(dir, stateFile)
		old, err := os.ReadFile(file)
		require.NoError(t, err)
		do(t, dir)
		require.NoError(t, os.WriteFile(file, old, 0o600))
	}
}

func nothing(*testing.T, string) {}

func useAgain(t *testing.T, dir string) { require.NoError(t, start(t, Options{Root: dir}).Close()) }

func useAndKill(t *testing.T, dir string) {
	p := isolatetest.StartJob(t, job{Root: dir}, nil)
	p.WaitOutput(t, "started")
	p.Signal(t, syscall.SIGKILL)
	p.ExitCode()
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
	require.Equal(t, id, changed(t, file, func() error { return os.Rename(file, file) }))
	again := changed(t, file, func() error { return os.WriteFile(file, []byte("other"), 0o600) })
	require.Equal(t, [2]any{id.Inode, id.Born}, [2]any{again.Inode, again.Born})
	require.False(t, id.matches(again))
	id.Changed = 0
	require.True(t, id.matches(again))
	_, err = readFileID(file + "x")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func changed(t *testing.T, file string, change func() error) fileID {
	t.Helper()
	require.NoError(t, change())
	id, err := readFileID(file)
	require.NoError(t, err)
	return id
}
