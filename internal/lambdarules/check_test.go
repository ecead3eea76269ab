package lambdarules

import (
	"archive/tar"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/images"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

func TestAnImageThatBreaksOneRuleFailsByItsName(t *testing.T) {
	for name, tc := range map[string]struct {
		broken Rule
		change func(*fixture)
		text   string // of the rule
	}{
		"two platforms":             {SingleManifest, func(f *fixture) { f.platforms = []string{"arm64"}; f.config.Architecture = "amd64" }, "an index of 2 images: linux/amd64, linux/arm64"},
		"attestations":              {Attestations, func(f *fixture) { f.attested = true }, "1, which make the image an index"},
		"a manifest of schema 1":    {MediaTypes, func(f *fixture) { f.rootType = "application/vnd.docker.distribution.manifest.v1+json" }, "the manifest is application/vnd.docker.distribution.manifest.v1+json"},
		"a manifest of no type":     {MediaTypes, func(f *fixture) { f.rootType = "" }, "the manifest is of no media type"},
		"a config of an artifact":   {MediaTypes, func(f *fixture) { f.configType = "application/vnd.x+json" }, "the config is application/vnd.x+json"},
		"layers of zstd":            {Gzip, func(f *fixture) { f.layerType, f.pack = ocispecs.MediaTypeImageLayerZstd, zstded }, "is zstd"},
		"layers not compressed":     {Gzip, func(f *fixture) { f.layerType, f.pack = images.MediaTypeDockerSchema2Layer, plain }, "is not compressed"},
		"layers that say gzip":      {Gzip, func(f *fixture) { f.pack = plain }, "says that it is gzip, and is not compressed"},
		"no header of a directory":  {ParentDirectories, func(f *fixture) { f.remove(1, "var/runtime/") }, "has var/runtime/bootstrap before /var/runtime (1 such paths)"},
		"a header too late":         {ParentDirectories, func(f *fixture) { f.add(2, file("var/x/y"), dir("var/x")) }, "has var/x/y before /var/x"},
		"a header in a layer below": {ParentDirectories, func(f *fixture) { f.remove(2, "var/") }, "layer 3 "},
		"a whiteout without one":    {ParentDirectories, func(f *fixture) { f.add(2, file("usr/lib64/.wh.none")) }, "has usr/lib64/.wh.none before /usr"},
		"too large":                 {Size, func(f *fixture) { f.content["var/task/app.mjs"] = strings.Repeat("x", 1<<20) }, "more than 1MiB unpacked"},
		"no entrypoint":             {Entrypoint, func(f *fixture) { f.config.Config.Entrypoint, f.config.Config.Cmd = nil, nil }, "neither ENTRYPOINT nor CMD"},
		"an entrypoint elsewhere":   {Entrypoint, func(f *fixture) { f.config.Config.Entrypoint[0] = "/x/y" }, "/x/y: /x isn't there"},
		"one that is in no PATH":    {Entrypoint, func(f *fixture) { f.config.Config.Entrypoint[0] = "node" }, "node is in no directory of PATH"},
		"one that was removed":      {Entrypoint, func(f *fixture) { f.add(2, file(".wh.lambda-entrypoint.sh")) }, "/lambda-entrypoint.sh isn't there"},
		"one that is a directory":   {Entrypoint, func(f *fixture) { f.config.Config.Entrypoint[0] = "/var" }, "/var is no file"},
		"one that is text":          {Entrypoint, func(f *fixture) { f.content["lambda-entrypoint.sh"] = "\ufeff#!/bin/sh\n" }, "/lambda-entrypoint.sh is no program"},
		"one that is a circle":      {Entrypoint, func(f *fixture) { f.add(2, link("x", "x")); f.config.Config.Entrypoint[0] = "/x" }, "too many symlinks"},
		"not executable":            {Entrypoint, func(f *fixture) { f.header(1, "lambda-entrypoint.sh").Mode = 0o644 }, "/lambda-entrypoint.sh is not executable"},
		"no interpreter":            {Entrypoint, func(f *fixture) { f.content["lambda-entrypoint.sh"] = "#!/bin/bash -e\n" }, "/lambda-entrypoint.sh is run by /bin/bash: /usr/bin/bash isn't there"},
		"an end of line of Windows": {Entrypoint, func(f *fixture) { f.content["lambda-entrypoint.sh"] = "#!/bin/sh\r\n" }, `is run by "/bin/sh\r"`},
		"no loader":                 {Entrypoint, func(f *fixture) { f.content["usr/bin/sh"] = elf(machineX86, "/lib/ld-musl.so.1") }, "/usr/bin/sh is run by /lib/ld-musl.so.1: /lib isn't there"},
		"a bootstrap that can't be": {Entrypoint, func(f *fixture) { f.header(1, "var/runtime/bootstrap").Mode = 0o644 }, "/var/runtime/bootstrap is not executable"},
		"another machine's shell":   {Architecture, func(f *fixture) { f.content["usr/bin/sh"] = elf(machineAArch64, "/lib64/ld.so") }, "the image is for linux/amd64: /usr/bin/sh is for arm64"},
		"another bootstrap":         {Architecture, func(f *fixture) { f.content["var/runtime/bootstrap"] = elf(machineAArch64, "") }, "/var/runtime/bootstrap is for arm64"},
		"another platform":          {Architecture, func(f *fixture) { f.config.Architecture = "riscv64" }, "the image is for linux/riscv64"},
		"of Windows":                {Architecture, func(f *fixture) { f.config.OS = "windows" }, "the image is for windows/amd64"},
		"a file of the owner":       {Readable, func(f *fixture) { f.header(2, "var/task/app.mjs").Mode = 0o640 }, "/var/task/app.mjs (1 such paths)"},
		"a folder of the owner":     {Readable, func(f *fixture) { f.header(2, "var/task/").Mode = 0o750 }, "/var/task (1 such paths)"},
		"a program of the owner":    {Readable, func(f *fixture) { f.header(1, "lambda-entrypoint.sh").Mode = 0o700 }, "/lambda-entrypoint.sh (1 such paths)"},
		"an interpreter's folder":   {Readable, func(f *fixture) { f.header(0, "usr/bin/").Mode = 0o700 }, "/usr/bin (1 such paths)"},
		"no WORKDIR":                {TaskRoot, func(f *fixture) { f.config.Config.WorkingDir = "/var/none" }, "WORKDIR is /var/none: /var/none isn't there"},
		"a task root that's a file": {TaskRoot, func(f *fixture) { f.config.Config.Env = []string{"LAMBDA_TASK_ROOT=/usr/bin/sh"} }, "LAMBDA_TASK_ROOT is /usr/bin/sh, which is no directory"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			tc.change(f)
			report, err := Check(t.Context(), "x", f.image(t), Options{MaxSize: 1 << 20})
			require.NoError(t, err)
			require.Equal(t, []Rule{tc.broken}, report.Failed(), "%+v", report.Rules)
			require.False(t, report.OK)
			require.Len(t, report.Rules, len(rules))
			for _, r := range report.Rules {
				if r.Status == Failed {
					require.Contains(t, r.Text, tc.text)
					require.NotEmpty(t, r.Advice)
				}
			}
		})
	}
}

func TestWhatLambdaTakesPasses(t *testing.T) {
	for name, change := range map[string]func(*fixture){
		"as it is": func(*fixture) {},
		"Docker's types": func(f *fixture) {
			f.rootType, f.configType, f.layerType = images.MediaTypeDockerSchema2Manifest, images.MediaTypeDockerSchema2Config, images.MediaTypeDockerSchema2LayerGzip
		},
		"OCI layers without compression": func(f *fixture) { f.layerType, f.pack = ocispecs.MediaTypeImageLayer, plain },
		"what docker save wrote":         func(f *fixture) { f.saved, f.layerType, f.pack = true, "", plain },
		"a program by PATH": func(f *fixture) {
			f.config.Config.Entrypoint = []string{"sh"}
			f.config.Config.Env = append(f.config.Config.Env, "PATH=/none:/usr/bin")
		},
		"a program in WORKDIR": func(f *fixture) {
			f.config.Config.Entrypoint = []string{"./main"}
			f.content["var/task/main"] = elf(machineX86, "")
			f.add(2, executable("var/task/main"))
		},
		"hard links": func(f *fixture) {
			f.add(0, hardLink("usr/bin/bash", "usr/bin/sh"))
			f.config.Config.Entrypoint[0] = "/bin/bash"
		},
		"no bootstrap yet":       func(f *fixture) { f.remove(1, "var/runtime/bootstrap") },
		"neither WORKDIR nor so": func(f *fixture) { f.config.Config.WorkingDir, f.config.Config.Env = "", nil },
		"a folder anew": func(f *fixture) {
			f.add(1, file("var/task/old"))
			f.header(1, "var/task/old").Mode = 0
			f.layers[2] = []tar.Header{dir("var"), dir("var/task"), file("var/task/app.mjs"), file("var/task/.wh..wh..opq")}
		},
		"a file in the place of a folder": func(f *fixture) {
			f.add(1, dir("var/task/x"), file("var/task/x/y"))
			f.header(1, "var/task/x/y").Mode = 0
			f.add(2, file("var/task/x"))
		},
		"written through a symlink": func(f *fixture) { f.add(0, executable("lib64/x")) },
		"arm64": func(f *fixture) {
			f.config.Architecture = "arm64"
			f.content["usr/bin/sh"], f.content["usr/lib64/ld.so"] = elf(machineAArch64, "/lib64/ld.so"), elf(machineAArch64, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			change(f)
			report, err := Check(t.Context(), "x", f.image(t), Options{})
			require.NoError(t, err)
			require.True(t, report.OK, "%+v", report.Rules)
		})
	}
}

func TestTheDocumentHasAllRules(t *testing.T) {
	dt, err := os.ReadFile("../../docs/check.md")
	require.NoError(t, err)
	var documented []Rule
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| .+ \\| .+ \\|$").FindAllStringSubmatch(string(dt), -1) {
		documented = append(documented, Rule(row[1]))
	}
	require.Equal(t, rules[:], documented)
}
