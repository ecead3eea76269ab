package embedded

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"lambdabase/internal/isolate/isolatetest"
	"lambdabase/test/readme"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// Native is for a machine without overlayfs, and no way out of any other trouble: it would cost the cache.
func TestWhatDecidesTheSnapshotter(t *testing.T) {
	const (
		fails  = "which fails there now (--snapshotter native begins it anew)"
		absent = `no overlayfs in /root (the other snapshotter is "native")`
	)
	kept := layoutOf(Overlayfs)
	lacking := wrapNoOverlay(errors.Wrap(syscall.EINVAL, "mount"))
	for _, c := range []struct {
		asked, found string
		err          error
		want         string
	}{
		{"", "", nil, Overlayfs},
		{"", "", lacking, Native},
		{"", "", wrapNoOverlay(syscall.ENOSPC), absent},
		{"", "", wrapNoOverlay(syscall.EMFILE), absent},
		{"", "", wrapNoOverlay(syscall.EIO), absent},
		{"", "", &os.PathError{Err: syscall.EACCES}, absent}, // of the trial's files, and not of the overlay
		{"", "1 overlayfs", lacking, Native},
		{"", "1 overlayfs", syscall.ENOSPC, absent},
		{"", kept, nil, Overlayfs},
		{"", kept, lacking, fails},
		{"", kept, syscall.EIO, fails},
		{"", kept, syscall.EMFILE, fails},
		{"", kept, &os.PathError{Err: syscall.ENOSPC}, Overlayfs},
		{"", kept, syscall.EDQUOT, Overlayfs},
		{Overlayfs, kept, syscall.ENOSPC, Overlayfs},
		{Overlayfs, kept, lacking, fails},
		{Overlayfs, "", lacking, absent},
		{Overlayfs, layoutOf(Native), nil, Overlayfs},
		{Native, kept, lacking, Native},
		{"", layoutOf(Native), nil, Native},
	} {
		got, err := chooseSnapshotter("/root", c.asked, c.found, func(string) error { return c.err })
		if c.want == Overlayfs || c.want == Native {
			require.NoError(t, err, "%+v", c)
			require.Equal(t, c.want, got, "%+v", c)
			continue
		}
		require.ErrorContains(t, err, c.want, "%+v", c)
		require.ErrorIs(t, err, c.err)
		if c.want == fails {
			readme.Explains(t, err.Error(), "is one of overlayfs, which fails there now")
		}
	}
}

// Whatever of a cache can't be read or made at the moment, it is not thrown away for that.
func TestTroubleOfTheMachineIsNoReasonToThrowACacheAway(t *testing.T) {
	for _, file := range []string{versionFile, stateFile, filepath.Join(cacheSubdir, solverDB)} {
		t.Run(file, func(t *testing.T) {
			isolatetest.NeedRoot(t)
			root := t.TempDir()
			require.NoError(t, start(t, Options{Root: root}).Close())
			path := filepath.Join(root, file)
			require.NoError(t, os.Rename(path, path+"-away"))
			require.NoError(t, os.Symlink(filepath.Base(path), path)) // to itself: ELOOP
			var said []string
			_, err := Start(t.Context(), Options{Root: root, OnReset: func(text string) { said = append(said, text) }})
			require.Error(t, err)
			require.Empty(t, said)
		})
	}
}
