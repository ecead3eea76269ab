package rootfs_test

import (
	"context"
	"os"
	"testing"

	"lambdabase/internal/rootfs"
	"lambdabase/internal/rootfs/rootfstest"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/stretchr/testify/require"
)

func TestDiffSaysWhatDiffers(t *testing.T) {
	file := func(data string) rootfstest.File { return rootfstest.File{Data: data} }
	before := rootfstest.New(map[string]rootfstest.File{
		"/etc": rootfstest.Dir(), "/etc/same": file("x"), "/etc/content": file("abc"), "/etc/size": file("abc"), "/etc/gone": file("x"),
		"/etc/mode": file("x"), "/etc/link": rootfstest.Link("a"), "/old": rootfstest.Dir(), "/old/f": file("x"), "/etc.d": file("x"),
		"/becomes-file": rootfstest.Dir(), "/becomes-file/in": file("x"), "/becomes-dir": file("x"),
	})
	after := rootfstest.New(map[string]rootfstest.File{
		"/etc": rootfstest.Dir(), "/etc/same": file("x"), "/etc/content": file("abd"), "/etc/size": file("abcd"), "/etc/come": file("x"),
		"/etc/mode": {Mode: 0o600, Data: "x"}, "/etc/link": rootfstest.Link("b"), "/new": {Mode: os.ModeDir | 0o700}, "/new/f": file("x"), "/etc.d": file("y"),
		"/becomes-file": file("x"), "/becomes-dir": rootfstest.Dir(), "/becomes-dir/in": file("x"),
	})
	changes, err := rootfs.Diff(t.Context(), before, after)
	require.NoError(t, err)
	var got []string
	for _, c := range changes {
		sign := "~"
		switch {
		case c.Old == nil:
			sign = "+"
		case c.New == nil:
			sign = "-"
		}
		got = append(got, sign+c.Path)
	}
	require.Equal(t, []string{
		"~/becomes-dir", "+/becomes-dir/in", "~/becomes-file", "-/becomes-file/in", "+/etc/come", "~/etc/content", "-/etc/gone", "~/etc/link", "~/etc/mode", "~/etc/size",
		"~/etc.d", "+/new", "+/new/f", "-/old", "-/old/f",
	}, got)

	changes, err = rootfs.Diff(t.Context(), before, before)
	require.NoError(t, err)
	require.Empty(t, changes)
}

// unreadable is a root filesystem whose files can't be read.
type unreadable struct{ *rootfstest.FS }

func (unreadable) ReadFile(context.Context, gateway.ReadRequest) ([]byte, error) {
	return nil, os.ErrPermission
}

func TestWhatCannotBeReadIsNotTheSame(t *testing.T) {
	files := map[string]rootfstest.File{"/f": {Data: "x"}}
	_, err := rootfs.Diff(t.Context(), rootfstest.New(files), unreadable{rootfstest.New(files)})
	require.ErrorContains(t, err, "read /f")
}
