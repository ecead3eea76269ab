package transfer

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lambdabase/internal/lfs"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestWhatOthersPutInAnObjectsPlaceIsClearedAway(t *testing.T) {
	for _, suffix := range []string{"", ".part"} {
		for name, put := range map[string]func(place, elsewhere string) error{
			"a folder with something in it": func(place, _ string) error { return os.MkdirAll(filepath.Join(place, "a/b"), 0o700) },
			"a folder with a link out":      func(place, elsewhere string) error { return os.Symlink(elsewhere, mkdir(place)+"/link") },
			"a link to a folder":            func(place, elsewhere string) error { return os.Symlink(elsewhere, place) },
			"a pipe":                        func(place, _ string) error { return unix.Mkfifo(place, 0o600) },
		} {
			t.Run(name+suffix, func(t *testing.T) {
				h := newHost(t)
				o := h.put("content")
				dir, elsewhere := t.TempDir(), t.TempDir()
				kept := filepath.Join(elsewhere, "kept")
				require.NoError(t, os.WriteFile(kept, nil, 0o600))
				require.NoError(t, put(filepath.Join(dir, o.OID+suffix), elsewhere))
				c, _ := h.client()
				require.NoError(t, c.Fetch(t.Context(), dir, []lfs.Object{o}))
				requireObjects(t, dir, o)
				require.FileExists(t, kept, "no link is followed")
			})
		}
	}
}

func mkdir(name string) string {
	_ = os.Mkdir(name, 0o700)
	return name
}

func TestALockThatSomebodyHoldsIsNotWaitedForForEver(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	dir, private := t.TempDir(), t.TempDir()
	held, err := acquirePart(t.Context(), dir, o.Pointer, time.Minute)
	require.NoError(t, err)
	defer held.release(true)
	c, _ := h.client()
	c.Limits.LockTimeout = 100 * time.Millisecond
	require.ErrorIs(t, c.Fetch(t.Context(), dir, []lfs.Object{o}), errDirUnusable)
	requireOpens(t, c, dir, private, o, "content")
	requireOpens(t, c, dir, private, o, "content")
	require.Len(t, h.downloads(), 1, "it is put where it belongs all the same")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Open(ctx, t.TempDir(), private, o)
	require.ErrorIs(t, err, context.Canceled)
}

func TestWhatAKilledProcessLeftIsRemoved(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	dir, private, elsewhere := t.TempDir(), t.TempDir(), t.TempDir()
	kept := filepath.Join(elsewhere, "kept")
	require.NoError(t, os.WriteFile(kept, nil, 0o600))
	left := mkdir(filepath.Join(dir, privatePrefix+"1"))
	require.NoError(t, os.WriteFile(filepath.Join(left, o.OID+".part"), []byte("con"), 0o600))
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(left, "link")))
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(dir, privatePrefix+"link")))
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, privatePrefix+"pipe"), 0o600))
	used, err := newPrivateDir(dir)
	require.NoError(t, err)

	c, _ := h.client()
	requireOpens(t, c, dir, private, o, "content")
	require.NoDirExists(t, left)
	require.DirExists(t, used.name(), "its process lives")
	require.FileExists(t, kept, "no link is followed")
	used.remove()
	require.NoDirExists(t, used.name())
}

// An object is removed between its arrival and its opening.
func TestWhatOthersRemoveAtOnceIsHadElsewhere(t *testing.T) {
	h := newHost(t)
	o := h.put("content")
	dir, private := t.TempDir(), t.TempDir()
	held, err := acquirePart(t.Context(), dir, o.Pointer, time.Minute) // so that it is fetched in a directory of its own
	require.NoError(t, err)
	defer held.release(true)
	c, _ := h.client()
	c.Limits.LockTimeout = 100 * time.Millisecond
	c.OnProgress = func(p Progress) {
		arrived, err := filepath.Glob(filepath.Join(dir, privatePrefix+"*", o.OID))
		require.NoError(t, err)
		for _, name := range arrived {
			require.NoError(t, os.Remove(name))
		}
	}
	requireOpens(t, c, dir, private, o, "content")
	require.Len(t, h.downloads(), 2)
	requireEmpty(t, private)
}

func TestALockIsWaitedForAsLongAsTheObjectGrows(t *testing.T) {
	h := newHost(t)
	o := h.put(text(1000))
	dir := t.TempDir()
	held, err := acquirePart(t.Context(), dir, o.Pointer, time.Minute)
	require.NoError(t, err)
	errs := make(chan error, 1)
	go func() {
		_, err := acquirePart(t.Context(), dir, o.Pointer, time.Second)
		errs <- err
	}()
	for i := range 15 {
		require.NoError(t, held.write(h.content[o.OID][i*10:i*10+10]))
		select {
		case err := <-errs:
			require.NoError(t, err, "after %d bytes", i*10)
		case <-time.After(100 * time.Millisecond):
		}
	}
	require.NoError(t, held.write(h.content[o.OID][150:]))
	require.NoError(t, held.commit())
	held.release(false)
	require.NoError(t, <-errs)

	// Whoever writes more than the object has gets on with something else.
	other := h.put("other")
	held, err = acquirePart(t.Context(), dir, other.Pointer, time.Minute)
	require.NoError(t, err)
	defer held.release(true)
	require.NoError(t, held.write([]byte(text(100))))
	_, err = acquirePart(t.Context(), dir, other.Pointer, time.Hour)
	require.ErrorIs(t, err, errDirUnusable)
}

func requireOpens(t *testing.T, c *Client, dir, private string, o lfs.Object, content string) {
	t.Helper()
	file, err := c.Open(t.Context(), dir, private, o)
	require.NoError(t, err)
	defer file.Close()
	dt, err := io.ReadAll(file)
	require.NoError(t, err)
	require.Equal(t, content, string(dt))
}

func requireEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}
