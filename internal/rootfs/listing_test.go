package rootfs_test

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"lambdabase/internal/rootfs"

	cacheutil "github.com/moby/buildkit/cache/util"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
	fstypes "github.com/tonistiigi/fsutil/types"
	"google.golang.org/protobuf/proto"
)

// daemonDir is a directory as BuildKit lists it, and fails to.
type daemonDir struct {
	root  string
	asked int
}

func (d *daemonDir) ReadDir(ctx context.Context, req gateway.ReadDirRequest) ([]*fstypes.Stat, error) {
	d.asked++
	entries, err := cacheutil.ReadDir(ctx, d.root, cacheutil.ReadDirRequest{Path: req.Path, IncludePattern: req.IncludePattern})
	if err != nil {
		return nil, err
	}
	if len(entries) > 500 {
		return nil, errors.New("grpc: received message larger than max (1 vs. 0)")
	}
	for _, e := range entries {
		if _, err := proto.Marshal(e); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

func makeDir(t *testing.T, files ...string) *daemonDir {
	d := &daemonDir{root: t.TempDir()}
	for _, f := range files {
		p := filepath.Join(d.root, f)
		require.NoError(t, os.MkdirAll(filepath.Dir(p), 0o755))
		require.NoError(t, os.WriteFile(p, nil, 0o644))
	}
	return d
}

func names(entries []*fstypes.Stat) (all []string) {
	for _, e := range entries {
		name := path.Base(e.Path)
		if os.FileMode(e.Mode)&os.ModeIrregular != 0 {
			name += " (irregular)"
		}
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func TestADirectoryIsListedButForWhatIsNoUTF8(t *testing.T) {
	good := []string{"etc/deep/file", "var", "bad", "bad-", "b", "ba/d", "bad*", "[x]", `back\slash`, "!not", " space ", "new\nline", "ä€𝄞", "\u0080", "-", "^", ".hidden", "\ufeffbom", "\u3000"}
	d := makeDir(t, append(good, "bad\xff", "bad\xfe", "\xc3(", "b\xe4x")...)
	require.NoError(t, os.Symlink("\xff", filepath.Join(d.root, "link")))
	require.NoError(t, os.Symlink("var", filepath.Join(d.root, "good-link")))

	got, err := rootfs.List(t.Context(), d, "/")
	require.NoError(t, err)
	want := []string{"etc", "var", "bad", "bad-", "b", "ba", "bad*", "[x]", `back\slash`, "!not", " space ", "new\nline", "ä€𝄞", "\u0080", "-", "^", ".hidden", "\ufeffbom", "\u3000",
		"good-link", "link (irregular)", "\ufffd (irregular)"}
	slices.Sort(want)
	require.Equal(t, want, names(got))

	for name, found := range map[string]bool{"etc/deep/file": true, "none": false, "bad*": true, " space ": true, "!not": true, "ba/d": true, "ba/e": false, "ba*": false, `back\slash`: true} {
		st, err := rootfs.Lookup(t.Context(), d, "/"+name)
		require.NoError(t, err, name)
		require.Equal(t, found, st != nil, name)
	}
	st, err := rootfs.Lookup(t.Context(), d, "/link")
	require.NoError(t, err)
	require.Equal(t, os.ModeIrregular, os.FileMode(st.Mode))
}

func TestADirectoryOfTooManyEntriesIsListedInParts(t *testing.T) {
	var files []string
	for i := range 2000 {
		files = append(files, fmt.Sprintf("file%05d", i))
	}
	d := makeDir(t, files...)
	got, err := rootfs.List(t.Context(), d, "/")
	require.NoError(t, err)
	require.Equal(t, files, names(got))
	st, err := rootfs.Lookup(t.Context(), d, "/file00007")
	require.NoError(t, err)
	require.NotNil(t, st)
}

func TestADirectoryIsAskedForABoundedNumberOfParts(t *testing.T) {
	var files []string
	for i := range 100 {
		files = append(files, fmt.Sprintf("%d-long-name\xff", i))
	}
	d := makeDir(t, append(files, "a")...)
	got, err := rootfs.List(t.Context(), d, "/")
	require.NoError(t, err)
	require.LessOrEqual(t, d.asked, 2100)
	require.Contains(t, names(got), "\ufffd (irregular)")
}

func TestAnErrorThatIsNoListingsIsAnError(t *testing.T) {
	_, err := rootfs.List(t.Context(), makeDir(t), "/none")
	require.ErrorContains(t, err, "directory /none: ")
}
