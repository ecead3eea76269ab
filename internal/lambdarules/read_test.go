package lambdarules

import (
	"archive/tar"
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

func TestAnIndexIsLookedIntoByPlatform(t *testing.T) {
	f := newFixture()
	f.platforms, f.attested = []string{"arm64"}, true
	report, err := Check(t.Context(), "x", f.image(t), Options{})
	require.NoError(t, err)
	require.Equal(t, []Rule{SingleManifest, Attestations}, report.Failed())
	require.Equal(t, Result{Entrypoint, Skipped, "several images: --platform chooses one", ""}, report.Rules[slices.Index(rules[:], Entrypoint)])

	amd64 := platforms.MustParse("linux/amd64")
	report, err = Check(t.Context(), "x", f.image(t), Options{Platform: &amd64})
	require.NoError(t, err)
	require.Equal(t, []Rule{SingleManifest, Attestations}, report.Failed(), "it is an index still")
	require.Equal(t, "linux/amd64", report.Platform)
	require.Equal(t, OK, report.Rules[slices.Index(rules[:], Entrypoint)].Status)

	riscv := platforms.MustParse("linux/riscv64")
	_, err = Check(t.Context(), "x", f.image(t), Options{Platform: &riscv})
	require.EqualError(t, err, "the index has no image for linux/riscv64, but linux/amd64, linux/arm64")
	_, err = Check(t.Context(), "x", newFixture().image(t), Options{Platform: &riscv})
	require.EqualError(t, err, "the image is for linux/amd64, not for linux/riscv64")
}

func TestAnImageThatCanNotBeReadIsAnError(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*testing.T, *fixture, *Image)
		want   string
	}{
		"a layer that is cut": {func(t *testing.T, _ *fixture, i *Image) {
			alter(t, i, func(dt []byte) []byte { return dt[:len(dt)-3] })
		}, "ends 3 bytes early"},
		"a layer that is longer": {func(t *testing.T, _ *fixture, i *Image) { i.Saved.Layers[0].Size-- }, "is damaged"},
		"a layer that was changed": {func(t *testing.T, _ *fixture, i *Image) {
			alter(t, i, func(dt []byte) []byte { dt[len(dt)-600] ^= 1; return dt })
		}, "is damaged: what is there has sha256:"},
		"a layer that isn't there": {func(t *testing.T, _ *fixture, i *Image) { clear(i.Fetcher.(blobs)) }, "no such blob"},
		"a digest that is none":    {func(t *testing.T, _ *fixture, i *Image) { i.Saved.Layers[0].Digest = "sha256:../x" }, "digest: invalid checksum digest"},
		"a config that is large":   {func(t *testing.T, _ *fixture, i *Image) { i.Saved.Config.Size = 1 << 40 }, "which is more than any has"},
		"a config that is none":    {func(t *testing.T, _ *fixture, i *Image) { i.Saved.Config = i.Saved.Layers[0] }, "invalid character"},
		"a layer that is no tar": {func(t *testing.T, f *fixture, i *Image) {
			i.Saved.Layers[0] = i.Fetcher.(blobs).add("", bytes.Repeat([]byte("x"), 1024))
		}, "layer 1 ("},
		"a hard link to nothing": {func(t *testing.T, f *fixture, i *Image) {
			i.Saved.Layers[0] = i.Fetcher.(blobs).add("", f.tar(t, []tar.Header{hardLink("a", "b")}))
		}, "hard link a: /b isn't there"},
		"a path that is too long": {func(t *testing.T, f *fixture, i *Image) {
			i.Saved.Layers[0] = i.Fetcher.(blobs).add("", f.tar(t, []tar.Header{file(strings.Repeat("x/", 3000) + "x")}))
		}, "is longer than a path can be"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			f.saved, f.pack = true, plain
			image := f.image(t)
			tc.change(t, f, &image)
			_, err := Check(t.Context(), "x", image, Options{})
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// alter changes the content of the first layer, and not its digest.
func alter(t *testing.T, image *Image, change func([]byte) []byte) {
	t.Helper()
	layer := image.Saved.Layers[0].Digest
	b := maps.Clone(image.Fetcher.(blobs))
	b[layer] = change(bytes.Clone(b[layer]))
	image.Fetcher = b
}

// bomb is a layer of one file of zeros, of which nothing is kept.
func TestALayerIsReadNoFurtherThanALambdaMayBe(t *testing.T) {
	f := newFixture()
	f.content["var/task/app.mjs"] = strings.Repeat("\x00", 8<<20)
	f.add(2, file("var/task/later"))
	report, err := Check(t.Context(), "x", f.image(t), Options{MaxSize: 1 << 20})
	require.NoError(t, err)
	require.Equal(t, []Rule{Size}, report.Failed())
	require.Equal(t, Result{ParentDirectories, Skipped, "the image is too large to be read whole", ""}, report.Rules[slices.Index(rules[:], ParentDirectories)])
}

func TestATreeTakesNoMoreMemoryThanItMay(t *testing.T) {
	tr := newTree()
	tr.left = 10 * nodeSize
	tr.beginLayer()
	var err error
	for i := 0; i < 20 && err == nil; i++ {
		h := file("x" + strings.Repeat("y", i))
		_, err = tr.add(&h, nil)
	}
	require.EqualError(t, err, "it has more files than can be looked at")
}

func TestNamesOfAnImageCanBePrinted(t *testing.T) {
	f := newFixture()
	f.add(2, file("var/\x1b[31m/x\x1b]0;"))
	f.config.Config.Entrypoint = []string{"/\x1b[2J"}
	f.config.Config.WorkingDir = "/\x1b[3J"
	report, err := Check(t.Context(), "x", f.image(t), Options{})
	require.NoError(t, err)
	require.Equal(t, []Rule{ParentDirectories, Entrypoint, TaskRoot}, report.Failed())
	for _, r := range report.Rules {
		require.NotContains(t, r.Text, "\x1b")
	}
}

func TestProgramsAreWhatTheKernelTakesThemFor(t *testing.T) {
	for head, want := range map[string]program{
		"#!/bin/sh":                       {script: true, interpreter: "/bin/sh"},
		"#! \t/usr/bin/env node\n#!/x":    {script: true, interpreter: "/usr/bin/env"},
		"#!\n":                            {script: true},
		"# comment":                       {},
		"":                                {},
		"\x7fELF":                         {},
		elf(machineX86, ""):               {machine: machineX86},
		elf(machineAArch64, "/lib/ld.so"): {machine: machineAArch64, interpreter: "/lib/ld.so"},
	} {
		require.Equal(t, want, parseProgram([]byte(head)), "%q", head)
	}
}

func FuzzProgram(f *testing.F) {
	for _, s := range []string{"#!/bin/sh -e\n", elf(machineX86, "/lib64/ld-linux-x86-64.so.2"), elf(machineAArch64, ""), "\x7fELF\x01\x02"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		p := parseProgram(head[:min(len(head), headSize)])
		require.LessOrEqual(t, len(p.interpreter), len(head))
		require.NotContains(t, p.interpreter, "\x00")
	})
}

// A layer of whatever bytes gives a report or an error.
func FuzzLayer(f *testing.F) {
	x := newFixture()
	for _, l := range x.layers {
		f.Add(x.tar(f, l))
	}
	f.Add(gzipped(x.tar(f, x.layers[0])))
	f.Add(zstded(x.tar(f, x.layers[1])))
	f.Add(x.tar(f, []tar.Header{link("a", "b"), link("b", "../a/c"), file("a/x"), hardLink("c", "a"), file(".wh..wh..opq"), file(".wh.b")}))
	f.Fuzz(func(t *testing.T, dt []byte) {
		b := blobs{}
		image := Image{Fetcher: b, Saved: &ocispecs.Manifest{Config: b.addJSON(t, "", x.config)}}
		image.Saved.Layers = []ocispecs.Descriptor{b.add("", x.tar(t, x.layers[0])), {Digest: digest.FromBytes(dt), Size: int64(len(dt))}}
		b[digest.FromBytes(dt)] = dt
		report, err := Check(t.Context(), "x", image, Options{MaxSize: 1 << 20})
		if err == nil {
			require.Len(t, report.Rules, len(rules))
		}
	})
}
