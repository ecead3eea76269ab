package main

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"lambdabase/frontend"
	"lambdabase/frontend/subrequests"
	"lambdabase/internal/lfs"
	"lambdabase/internal/rootfs"
	"lambdabase/internal/rootfs/rootfstest"
	"lambdabase/internal/rpmdb"
	"lambdabase/llb/lambda2llb"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

// newTestImage has two layers that have things in common.
func newTestImage() *frontend.UnpackedImage {
	dir := rootfstest.Dir()
	return &frontend.UnpackedImage{
		Plan: &lambda2llb.Plan{
			Runtime: "nodejs20.x", Commit: "0123", Created: time.Unix(0, 0).UTC(), Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"},
			Layers: []lambda2llb.Layer{{Object: lfs.Object{Path: "x86_64/a.tar.xz", Pointer: lfs.Pointer{OID: "aa", Size: 5}}}, {Object: lfs.Object{Path: "x86_64/b.tar.xz", Pointer: lfs.Pointer{OID: "bb", Size: 7}}}},
		},
		Layers: []rootfs.Reader{
			rootfstest.New(map[string]rootfstest.File{
				"/etc": dir, "/etc/os-release": {Data: "PRETTY_NAME=\"Old 1\"\n"}, "/etc/a": {Data: "12345"},
				"/var": dir, "/var/lib": dir, "/var/lib/gone": {}, "/lib": rootfstest.Link("usr/lib"),
			}),
			rootfstest.New(map[string]rootfstest.File{"/etc": dir, "/etc/os-release": {Data: "NAME=x\nPRETTY_NAME=New 2\n"}, "/var": dir, "/var/lib": {Data: "file"}}),
		},
	}
}

// reportOn returns what is said of a path of the test's image, as data and as text.
func reportOn(t *testing.T, asked question) (report imageReport, text string) {
	t.Helper()
	image, err := newImageReport(t.Context(), newTestImage(), asked)
	require.NoError(t, err)
	res, err := subrequests.Result(image, printImage, "1.0.0")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(res.Metadata["result.json"], &report))
	return report, string(res.Metadata["result.txt"])
}

func TestAnImageIsReportedLayerByLayer(t *testing.T) {
	image, text := reportOn(t, question{})
	require.Equal(t, "nodejs20.x", image.Runtime)
	require.Equal(t, "0123", image.Commit)
	require.Equal(t, "linux/amd64", image.Platform)
	require.Equal(t, "New 2", image.Release, "of the last layer that has it")
	require.Empty(t, image.Entries)
	require.Len(t, image.Layers, 2)
	require.Equal(t, layerReport{File: "x86_64/a.tar.xz", OID: "aa", Packed: 5, LayerTotals: &LayerTotals{Size: 20 + 5, Files: 4}}, image.Layers[0])
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
		"/./etc/../lib": {{Path: "/lib", Mode: "Lrwxrwxrwx", Target: "usr/lib", Layers: []int{1}}},
		"/var/lib":      {{Path: "/var/lib", Mode: "-rw-r--r--", Size: 4, Layers: []int{1, 2}}}, // and nothing of the folder that was there
		"/": {
			{Path: "/etc", Mode: "drwxr-xr-x", Layers: []int{1, 2}},
			{Path: "/lib", Mode: "Lrwxrwxrwx", Target: "usr/lib", Layers: []int{1}},
			{Path: "/var", Mode: "drwxr-xr-x", Layers: []int{1, 2}},
		},
	} {
		image, text := reportOn(t, question{path: path})
		require.Equal(t, want, image.Entries, path)
		require.Contains(t, text, want[0].Path)
	}
	_, text := reportOn(t, question{path: "/etc"})
	require.Regexp(t, `/etc +layer 2, and 1\n`, text)
	require.Regexp(t, `/etc/os-release +layer 2, in place of 1\n`, text)
	for _, path := range []string{"/none", "/var/lib/gone", "/etc/a/b"} {
		_, err := newImageReport(t.Context(), newTestImage(), question{path: path})
		require.EqualError(t, err, "nodejs20.x has no "+path)
	}
}

func TestAPathThroughALinkSaysWhereItLeads(t *testing.T) {
	_, err := newImageReport(t.Context(), newTestImage(), question{path: "/lib/a/b"})
	require.EqualError(t, err, "nodejs20.x has no /lib/a/b: /lib is a link to usr/lib")
}

func TestOnlyDirectoriesOnThePathAreListed(t *testing.T) {
	image, files := newTestImage(), map[string]rootfstest.File{}
	for i := range 100 {
		files[fmt.Sprintf("/%d", i)], files[fmt.Sprintf("/%d/x", i)] = rootfstest.Dir(), rootfstest.File{}
	}
	large := rootfstest.New(files)
	image.Layers = append(image.Layers, large)
	report, err := newImageReport(t.Context(), image, question{path: "/7"})
	require.NoError(t, err)
	require.Len(t, report.Entries, 2)
	require.Nil(t, report.Layers[0].LayerTotals)
	require.EqualValues(t, 2, large.Listings.Load())
}

func TestPackagesAreReported(t *testing.T) {
	image := newTestImage()
	_, err := newImageReport(t.Context(), image, question{packages: true})
	require.EqualError(t, err, "nodejs20.x has no rpm database in /var/lib/rpm")

	dir := rootfstest.Dir()
	files := map[string]rootfstest.File{"/var": dir, "/var/lib": dir, "/var/lib/rpm": dir, "/var/lib/rpm/Packages": {Data: "text"}}
	image.Layers = []rootfs.Reader{rootfstest.New(files)}
	_, err = newImageReport(t.Context(), image, question{packages: true})
	require.EqualError(t, err, "nodejs20.x: rpm database /var/lib/rpm/Packages: it can't be read: binary read error: unexpected EOF")

	report := &imageReport{Packages: []rpmdb.Package{{Name: "bash", Version: "5.2.15", Release: "1.amzn2023", Arch: "x86_64"}, {Name: "openssl-libs", Epoch: 1, Version: "3.0.8", Release: "1", Arch: "aarch64"}}}
	res, err := subrequests.Result(report, printImage, "1.0.0")
	require.NoError(t, err)
	require.Equal(t, "PACKAGE       VERSION  RELEASE     ARCH\nbash          5.2.15   1.amzn2023  x86_64\nopenssl-libs  1:3.0.8  1           aarch64\n", string(res.Metadata["result.txt"]))
	require.Contains(t, string(res.Metadata["result.json"]), `"epoch": 1,`)
	res, err = subrequests.Result(&imageReport{Packages: []rpmdb.Package{}}, printImage, "1.0.0")
	require.NoError(t, err)
	require.Equal(t, "PACKAGE  VERSION  RELEASE  ARCH\n", string(res.Metadata["result.txt"]))
}

func TestNamesInAnImageAreSafeToPrint(t *testing.T) {
	name := "a" + escape
	for _, report := range []*imageReport{
		{Release: name, Layers: []layerReport{{File: name, LayerTotals: &LayerTotals{}}}},
		{Release: name, Path: "/a", Entries: []pathReport{{Path: name, Target: name, Layers: []int{1}}}},
		{Release: name, Packages: []rpmdb.Package{{Name: name, Version: name, Release: name, Arch: name}}},
	} {
		res, err := subrequests.Result(report, printImage, "1.0.0")
		require.NoError(t, err)
		requireSafe(t, string(res.Metadata["result.txt"]))
		requireSafe(t, string(res.Metadata["result.json"]))
		require.NotContains(t, string(res.Metadata["result.json"]), `\x`)
	}
}
