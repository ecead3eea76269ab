package main

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/crane"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Two checkouts of one commit, in folders of other names, by two daemons. What is built is small here; test/release_test.go has the
// real programs.
func TestAReleaseIsTheSameFromTwoCheckouts(t *testing.T) {
	text, err := os.ReadFile("../../docs/release.md")
	require.NoError(t, err)
	first := newCheckout(t)
	second := filepath.Join(t.TempDir(), "a", "longer", "name")
	git(t, t.TempDir(), "clone", "-q", first, second)
	git(t, second, "tag", "v1.2.3")
	t.Setenv("BUILDKIT_HOST", "")
	daemons := []*sandbox.Daemon{sandbox.Start(t), sandbox.Start(t)} // one that has built it already would know the answer
	want := makeRelease(t, first, daemons[0])
	require.Equal(t, want, makeRelease(t, second, daemons[1]))

	host := runtime.GOARCH
	names := make([]string, 0, 8)
	for line := range strings.Lines(want) {
		names = append(names, strings.TrimSpace(line[66:]))
	}
	require.Equal(t, []string{
		"lambda-frontend-v1.2.3.oci.tar",
		"lambdabase-v1.2.3.linux-amd64", "lambdabase-v1.2.3.linux-amd64.sbom.json", "lambdabase-v1.2.3.linux-amd64.tar.gz",
		"lambdabase-v1.2.3.linux-arm64", "lambdabase-v1.2.3.linux-arm64.sbom.json", "lambdabase-v1.2.3.linux-arm64.tar.gz",
	}, names)
	out := filepath.Join(first, "bin/release")
	head, err := exec.CommandContext(t.Context(), "git", "-C", first, "rev-parse", "HEAD").Output()
	require.NoError(t, err)
	said, err := exec.CommandContext(t.Context(), filepath.Join(out, "lambdabase-v1.2.3.linux-"+host), "version").Output()
	require.NoError(t, err)
	require.Equal(t, "v1.2.3 "+string(head), string(said))
	requireArchive(t, filepath.Join(out, "lambdabase-v1.2.3.linux-amd64.tar.gz"))
	requireImage(t, filepath.Join(out, "lambda-frontend-v1.2.3.oci.tar"), strings.TrimSpace(string(head)))
	if host == "amd64" {
		followDocument(t, string(text), out)
	}
}

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// followDocument does with a release what its document says to users.
func followDocument(t *testing.T, document, out string) {
	t.Helper()
	registry, home := sandbox.Registry(t), t.TempDir()
	config := filepath.Join(home, ".config/containers/registries.conf")
	require.NoError(t, os.MkdirAll(filepath.Dir(config), 0o755))
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, "[[registry]]\nlocation = %q\ninsecure = true\n", registry), 0o644))
	blocks := shellBlock.FindAllStringSubmatch(document, -1)
	require.Len(t, blocks, 2)
	var said strings.Builder
	for _, block := range blocks {
		cmd := exec.CommandContext(t.Context(), "sh", "-e", "-c", strings.ReplaceAll(block[1], "REG/", registry+"/"))
		cmd.Dir, cmd.Env = out, append(os.Environ(), "HOME="+home, "VERSION=v1.2.3", "NO_PROXY=127.0.0.1,localhost")
		dt, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s\n%s", block[1], dt)
		said.Write(dt)
	}
	require.Contains(t, said.String(), "lambda-frontend-v1.2.3.oci.tar: OK\n")
	require.Contains(t, said.String(), "\nstdlib 1.")
	pushed, err := crane.Digest(registry + "/lambda-frontend:v1.2.3")
	require.NoError(t, err)
	archive, err := exec.CommandContext(t.Context(), "tar", "xOf", filepath.Join(out, "lambda-frontend-v1.2.3.oci.tar"), "index.json").Output()
	require.NoError(t, err)
	require.Contains(t, string(archive), pushed)
}

// makeRelease returns the checksums.
func makeRelease(t *testing.T, dir string, d *sandbox.Daemon) string {
	t.Helper()
	t.Chdir(dir)
	require.NoError(t, os.MkdirAll("bin/release", 0o755))
	require.NoError(t, os.WriteFile("bin/release/former", nil, 0o644))
	require.ErrorContains(t, run(t.Context(), []string{"v1.2.3"}, t.Output()), "the frontend's image: BUILDKIT_HOST names no daemon")
	require.FileExists(t, "bin/release/former", "a release that fails leaves the former one")
	t.Setenv("BUILDKIT_HOST", d.Addr)
	require.NoError(t, run(t.Context(), []string{"v1.2.3"}, t.Output()))
	left, err := filepath.Glob("bin/*")
	require.NoError(t, err)
	require.Equal(t, []string{"bin/release"}, left)
	dt, err := os.ReadFile("bin/release/checksums.txt")
	require.NoError(t, err)
	t.Setenv("BUILDKIT_HOST", "")
	return string(dt)
}

// requireArchive fails where an archive has anything else than it says it has.
func requireArchive(t *testing.T, file string) {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	zr, err := gzip.NewReader(f)
	require.NoError(t, err)
	files := map[string]string{}
	for tr := tar.NewReader(zr); ; {
		header, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		dt, err := io.ReadAll(tr)
		require.NoError(t, err)
		if name := strings.TrimPrefix(header.Name, "lambdabase-v1.2.3/"); name != "lambdabase" {
			files[name] = string(dt)
		}
	}
	require.Equal(t, map[string]string{
		"": "", "completions/": "", "man/": "", "man/man1/": "", "LICENSE": "license\n", "README.md": "readme\n", "CHANGELOG.md": changes,
		"completions/lambdabase.bash": "# completion for bash\n", "completions/_lambdabase": "# completion for zsh\n",
		"completions/lambdabase.fish": "# completion for fish\n", "man/man1/lambdabase.1": "1700000000",
	}, files)
}

// requireImage fails where the frontend's image lacks a platform, or what says of it what it is made of.
func requireImage(t *testing.T, file, commit string) {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "tar", "xf", file, "-C", dir).CombinedOutput()
	require.NoError(t, err, string(out))
	top, err := layout.ImageIndexFromPath(dir)
	require.NoError(t, err)
	require.NoError(t, validate.Index(top), "digests and sizes")
	tops, err := top.IndexManifest()
	require.NoError(t, err)
	require.Len(t, tops.Manifests, 1)
	require.Equal(t, "v1.2.3", tops.Manifests[0].Annotations["org.opencontainers.image.ref.name"])
	index, err := top.ImageIndex(tops.Manifests[0].Digest)
	require.NoError(t, err)
	manifests, err := index.IndexManifest()
	require.NoError(t, err)
	platforms, statements := []string{}, 0
	for _, m := range manifests.Manifests {
		image, err := index.Image(m.Digest)
		require.NoError(t, err)
		if m.Annotations[referenceKey] == "" {
			platforms = append(platforms, m.Platform.String())
			manifest, err := image.Manifest()
			require.NoError(t, err)
			require.Equal(t, commit, manifest.Annotations["org.opencontainers.image.revision"])
			continue
		}
		statements += requireStatements(t, image, commit)
	}
	require.Equal(t, []string{"linux/amd64", "linux/arm64"}, platforms)
	require.Equal(t, 4, statements)
}

func requireStatements(t *testing.T, image v1.Image, commit string) int {
	t.Helper()
	layers, err := image.Layers()
	require.NoError(t, err)
	for _, layer := range layers {
		r, err := layer.Uncompressed()
		require.NoError(t, err)
		dt, err := io.ReadAll(r)
		require.NoError(t, err)
		text := string(dt)
		assert.Contains(t, text, "pkg:docker/lambda-frontend@v1.2.3?platform=", "it says what it is about")
		if strings.Contains(text, predicateSPDX) {
			assert.Contains(t, text, `"packageFileName":"check-layers"`)
			assert.Contains(t, text, "pkg:golang/stdlib@1.")
			continue
		}
		assert.Contains(t, text, commit)
		assert.Contains(t, text, `"startedOn":"2023-11-14T22:13:20Z"`)
		assert.Contains(t, text, "dockerfile.v0")
	}
	return len(layers)
}
