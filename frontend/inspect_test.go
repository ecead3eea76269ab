package frontend

import (
	"context"
	"encoding/json"
	"os"
	"testing"

	"lambdabase/frontend/inspect"

	"github.com/stretchr/testify/require"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// inspected is the answer about a path of the stub's image, as data and as text.
func inspected(t *testing.T, s *stub, path string) (image inspect.Image, text string) {
	t.Helper()
	res, err := quick.Inspect(path)(context.Background(), s)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(res.Metadata["result.json"], &image))
	return image, string(res.Metadata["result.txt"])
}

// newInspectStub has two layers that have things in common.
func newInspectStub() *stub {
	s := newStub(nil)
	s.layers[stubOID("a")] = stubRef{
		"etc": stubDir, "etc/os-release": {data: "PRETTY_NAME=\"Old 1\"\n"}, "etc/a": {data: "12345"},
		"var": stubDir, "var/lib": stubDir, "var/lib/gone": {}, "lib": {mode: os.ModeSymlink | 0o777},
	}
	s.layers[stubOID("b")] = stubRef{"etc": stubDir, "etc/os-release": {data: "NAME=x\nPRETTY_NAME=New 2\n"}, "var": stubDir, "var/lib": {data: "file"}}
	return s
}

func TestAnImageIsInspectedLayerByLayer(t *testing.T) {
	s := newInspectStub()
	image, text := inspected(t, s, "")
	require.Equal(t, "nodejs20.x", image.Runtime)
	require.Equal(t, stubCommit, image.Commit)
	require.Equal(t, "linux/amd64", image.Platform)
	require.Equal(t, "New 2", image.Release, "of the last layer that has it")
	require.Empty(t, image.Entries)
	require.Len(t, image.Layers, 2)
	require.Equal(t, inspect.Layer{File: "x86_64/a.tar.xz", OID: stubOID("a"), Packed: 5, Size: 20 + 5, Files: 4}, image.Layers[0])
	require.Contains(t, text, "system    New 2\nfiles     6, ")
	require.Zero(t, count(s.solved, "merge"), "layers alone")
}

func TestAPathIsInspectedWithTheLayersThatBroughtIt(t *testing.T) {
	for path, want := range map[string][]inspect.Entry{
		"/etc": {
			{Path: "/etc", Mode: "drwxr-xr-x", Layers: []int{1, 2}},
			{Path: "/etc/a", Mode: "-rw-r--r--", Size: 5, Layers: []int{1}},
			{Path: "/etc/os-release", Mode: "-rw-r--r--", Size: 25, Layers: []int{1, 2}},
		},
		"etc/a/":        {{Path: "/etc/a", Mode: "-rw-r--r--", Size: 5, Layers: []int{1}}},
		"/./etc/../lib": {{Path: "/lib", Mode: "Lrwxrwxrwx", Layers: []int{1}}},
		"/var/lib":      {{Path: "/var/lib", Mode: "-rw-r--r--", Size: 4, Layers: []int{1, 2}}}, // and nothing of the folder that was there
		"/": {
			{Path: "/etc", Mode: "drwxr-xr-x", Layers: []int{1, 2}},
			{Path: "/lib", Mode: "Lrwxrwxrwx", Layers: []int{1}},
			{Path: "/var", Mode: "drwxr-xr-x", Layers: []int{1, 2}},
		},
	} {
		image, text := inspected(t, newInspectStub(), path)
		require.Equal(t, want, image.Entries, path)
		require.Contains(t, text, want[0].Path)
	}
	_, text := inspected(t, newInspectStub(), "/etc")
	require.Regexp(t, `/etc +layer 2, and 1\n`, text)
	require.Regexp(t, `/etc/os-release +layer 2, in place of 1\n`, text)
	for _, path := range []string{"/none", "/var/lib/gone", "/etc/a/b"} {
		_, err := quick.Inspect(path)(context.Background(), newInspectStub())
		require.EqualError(t, err, "nodejs20.x has no "+path)
	}
}

func TestWhatCannotBeInspectedIsSaid(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*stub)
		want   string
	}{
		"platforms": {func(s *stub) { s.opts["platform"] = "linux/amd64,linux/arm64" }, "one platform is inspected at a time, not 2"},
		"platform":  {func(s *stub) { s.opts["platform"] = "linux/s390x" }, "it has linux/amd64, linux/arm64"},
		"object":    {func(s *stub) { s.fails = map[string]string{stubOID("b"): "digest mismatch"} }, "fetch x86_64/b.tar.xz (object sha256:bbbb"},
		"pointer": {func(s *stub) {
			s.layers[stubOID("b")] = stubRef{stubOID("b"): {data: "version https://git-lfs.github.com/spec/v1\n"}}
		}, "was not unpacked"},
	} {
		s := newInspectStub()
		tc.change(s)
		_, err := quick.Inspect("")(context.Background(), s)
		require.ErrorContains(t, err, tc.want, name)
	}
}

func TestEntriesOfALinkTellItsTarget(t *testing.T) {
	contents := []layerFiles{{files: map[string]*fstypes.Stat{"/bin": {Mode: uint32(os.ModeSymlink | 0o777), Linkname: "usr/bin", Uid: 1, Gid: 2}}}}
	require.Equal(t, []inspect.Entry{{Path: "/bin", Mode: "Lrwxrwxrwx", UID: 1, GID: 2, Target: "usr/bin", Layers: []int{1}}}, entries(contents, "/bin"))
	require.Empty(t, entries(contents, "/usr"))
}
