package main

import (
	"context"
	"encoding/json"
	"os"
	"path"
	"testing"
	"time"

	"lambdabase/frontend"
	"lambdabase/frontend/subrequests"
	"lambdabase/internal/lfs"
	"lambdabase/llb/lambda2llb"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// testFile is a file of a layer, and a folder if it says so.
type testFile struct {
	mode os.FileMode
	data string
}

func newTestLayer(files map[string]testFile) frontend.UnpackedLayer {
	l := frontend.UnpackedLayer{Files: map[string]*fstypes.Stat{}, ReadFile: func(_ context.Context, name string) ([]byte, error) {
		return []byte(files[name].data), nil
	}}
	for name, f := range files {
		if f.mode == 0 {
			f.mode = 0o644
		}
		l.Files[name] = &fstypes.Stat{Path: path.Base(name), Mode: uint32(f.mode), Size: int64(len(f.data))}
	}
	return l
}

// newTestImage has two layers that have things in common.
func newTestImage() *frontend.UnpackedImage {
	dir := testFile{mode: os.ModeDir | 0o755}
	return &frontend.UnpackedImage{
		Plan: &lambda2llb.Plan{
			Runtime: "nodejs20.x", Commit: "0123", Created: time.Unix(0, 0).UTC(), Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"},
			Layers: []lambda2llb.Layer{{Object: lfs.Object{Path: "x86_64/a.tar.xz", Pointer: lfs.Pointer{OID: "aa", Size: 5}}}, {Object: lfs.Object{Path: "x86_64/b.tar.xz", Pointer: lfs.Pointer{OID: "bb", Size: 7}}}},
		},
		Layers: []frontend.UnpackedLayer{
			newTestLayer(map[string]testFile{
				"/etc": dir, "/etc/os-release": {data: "PRETTY_NAME=\"Old 1\"\n"}, "/etc/a": {data: "12345"},
				"/var": dir, "/var/lib": dir, "/var/lib/gone": {}, "/lib": {mode: os.ModeSymlink | 0o777},
			}),
			newTestLayer(map[string]testFile{"/etc": dir, "/etc/os-release": {data: "NAME=x\nPRETTY_NAME=New 2\n"}, "/var": dir, "/var/lib": {data: "file"}}),
		},
	}
}

// reportOn returns what is said of a path of the test's image, as data and as text.
func reportOn(t *testing.T, path string) (report imageReport, text string) {
	t.Helper()
	image, err := newImageReport(t.Context(), newTestImage(), path)
	require.NoError(t, err)
	res, err := subrequests.Result(image, printImage, "1.0.0")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(res.Metadata["result.json"], &report))
	return report, string(res.Metadata["result.txt"])
}

func TestAnImageIsReportedLayerByLayer(t *testing.T) {
	image, text := reportOn(t, "")
	require.Equal(t, "nodejs20.x", image.Runtime)
	require.Equal(t, "0123", image.Commit)
	require.Equal(t, "linux/amd64", image.Platform)
	require.Equal(t, "New 2", image.Release, "of the last layer that has it")
	require.Empty(t, image.Entries)
	require.Len(t, image.Layers, 2)
	require.Equal(t, layerReport{File: "x86_64/a.tar.xz", OID: "aa", Packed: 5, Size: 20 + 5, Files: 4}, image.Layers[0])
	require.Contains(t, text, "system    New 2\nfiles     6, ")
}

func TestAPathIsReportedWithTheLayersThatBroughtIt(t *testing.T) {
	for path, want := range map[string][]pathReport{
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
		image, text := reportOn(t, path)
		require.Equal(t, want, image.Entries, path)
		require.Contains(t, text, want[0].Path)
	}
	_, text := reportOn(t, "/etc")
	require.Regexp(t, `/etc +layer 2, and 1\n`, text)
	require.Regexp(t, `/etc/os-release +layer 2, in place of 1\n`, text)
	for _, path := range []string{"/none", "/var/lib/gone", "/etc/a/b"} {
		_, err := newImageReport(t.Context(), newTestImage(), path)
		require.EqualError(t, err, "nodejs20.x has no "+path)
	}
}

func TestEntriesOfALinkTellItsTarget(t *testing.T) {
	layers := []frontend.UnpackedLayer{{Files: map[string]*fstypes.Stat{"/bin": {Mode: uint32(os.ModeSymlink | 0o777), Linkname: "usr/bin", Uid: 1, Gid: 2}}}}
	require.Equal(t, []pathReport{{Path: "/bin", Mode: "Lrwxrwxrwx", UID: 1, GID: 2, Target: "usr/bin", Layers: []int{1}}}, pathsAt(layers, "/bin"))
	require.Empty(t, pathsAt(layers, "/usr"))
}

func TestNamesInAnImageAreSafeToPrint(t *testing.T) {
	name := "a" + escape
	for _, path := range []string{"", "/a"} {
		report := &imageReport{Release: name, Path: path, Layers: []layerReport{{File: name}}, Entries: []pathReport{{Path: name, Target: name, Layers: []int{1}}}}
		res, err := subrequests.Result(report, printImage, "1.0.0")
		require.NoError(t, err)
		requireSafe(t, string(res.Metadata["result.txt"]))
		requireSafe(t, string(res.Metadata["result.json"]))
		require.NotContains(t, string(res.Metadata["result.json"]), `\x`)
	}
}
