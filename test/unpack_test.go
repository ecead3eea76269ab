package test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// unpackVertices are the vertices that unpack something.
func unpackVertices(result *sandbox.Result) map[string]bool {
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(#\d+) unpack [0-9a-f]{12} `).FindAllStringSubmatch(result.Progress, -1) {
		found[m[1]] = true
	}
	return found
}

func TestWhatNoEarlierLayerCanMendIsUnpackedOnce(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	good := compress(t, packTar(t, append([]entry{file("a", "1")}, taskDirs...)...))
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(i * i >> 7)
	}
	damaged := compress(t, packTar(t, file("first", "x"), file("noise", string(noise))))
	h := serve(t, []sample.Branch{newBranch("case", good, damaged[:len(damaged)-40])})
	result, err := d.Solve(t.Context(), t, h.request("case"))
	require.ErrorContains(t, err, "the archive is damaged, or its unpacker was stopped: exit status 1: xz: ", "in xz's own words")
	requireAt(t, err, "Dockerfile.case", 3)
	require.Len(t, unpackVertices(result), 2)
	require.Empty(t, result.Warnings)
}

func TestAFullDiskIsSaid(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", root, "tmpfs", 0, "size=48m"))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(root, unix.MNT_DETACH)) })
	d := sandbox.Start(t, sandbox.WithArgs("--root="+root))
	h := serve(t, []sample.Branch{newBranch("case", compress(t, packTar(t, taskDirs...)), compress(t, packTar(t, file("large", string(make([]byte, 64<<20))))))})
	result, err := d.Solve(t.Context(), t, h.request("case"))
	require.ErrorContains(t, err, "the disk that BuildKit keeps its cache on is full: make room there, or prune the cache")
	require.Len(t, unpackVertices(result), 2)
	require.Empty(t, result.Warnings)
}

func TestAWorkingDirectoryThatCannotBeMadeIsAnErrorAtItsLine(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	for want, way := range map[string]entry{"not a directory": file("var", "1"), "too many levels of symbolic links": symlink("var", "var")} {
		h := serve(t, []sample.Branch{newBranch("case", compress(t, packTar(t, way)), compress(t, packTar(t, file("a", "1"))))})
		for _, req := range []sandbox.Request{h.oracle(t, "case", ""), h.request("case"), h.request("case", "layers", "chain")} {
			_, err := d.Solve(t.Context(), t, req)
			require.ErrorContains(t, err, want)
			requireAt(t, err, "Dockerfile.case", 5)
		}
	}
}

func TestADamagedHeaderOfXZIsNotSaidToBeAMissingXZ(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	damaged := compress(t, packTar(t, file("a", "1")))
	damaged[9] ^= 0x40
	h := serve(t, []sample.Branch{newBranch("case", compress(t, packTar(t, taskDirs...)), damaged)})
	for _, layers := range []string{"auto", "chain"} {
		_, err := d.Solve(t.Context(), t, h.request("case", "layers", layers))
		require.ErrorContains(t, err, "was not unpacked: it is packed with xz, but there is no tar in it (damaged header)")
		requireAt(t, err, "Dockerfile.case", 3)
	}
}

// failingXZ are scripts in the place of xz, and what a daemon says of it: BuildKit copies what can't be begun with, and
// gives xz's words of what breaks off.
var failingXZ = map[string]struct{ script, want string }{
	"fails":                {"echo 'xz: out of luck' >&2; exit 1", "xz fails where buildkitd runs, or is missing"},
	"is killed":            {"kill -9 $$", "xz fails where buildkitd runs, or is missing"},
	"has no memory":        {"XZ_DEFAULTS=--memlimit=1MiB exec $XZ \"$@\"", "xz fails where buildkitd runs, or is missing"},
	"fails on its way":     {"$XZ \"$@\" | head -c 1024; echo 'xz: out of luck' >&2; exit 1", "exit status 1: xz: out of luck"},
	"is killed on its way": {"$XZ \"$@\" | head -c 1024; kill -9 $$", "signal: killed"},
}

// brokenXZ is a folder with git and an xz of this script.
func brokenXZ(t *testing.T, script string) string {
	t.Helper()
	found, err := exec.LookPath("xz")
	require.NoError(t, err)
	dir := sandbox.PathOf(t, "git", "head", "sh")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "xz"), []byte("#!/bin/sh\nXZ="+found+"\n"+script+"\n"), 0o755))
	return dir
}

func restoreXZ(t *testing.T, dir string) {
	t.Helper()
	found, err := exec.LookPath("xz")
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(dir, "xz")))
	require.NoError(t, os.Symlink(found, filepath.Join(dir, "xz")))
}

func TestAnXZThatFailsIsNotSaidToBeMissing(t *testing.T) {
	t.Parallel()
	noise := bytes.Repeat([]byte("0123456789"), 1000)
	h := serve(t, []sample.Branch{newBranch("case", compress(t, packTar(t, taskDirs...)), compress(t, packTar(t, file("a", "1"), file("b", string(noise)))))})
	for name, tc := range failingXZ {
		t.Run(name, func(t *testing.T) {
			dir := brokenXZ(t, tc.script)
			d := sandbox.Start(t, sandbox.WithPath(dir))
			for _, layers := range []string{"auto", "chain"} {
				_, err := d.Solve(t.Context(), t, h.request("case", "layers", layers))
				require.ErrorContains(t, err, tc.want, layers)
				require.NotContains(t, err.Error(), "daemon has no xz")
			}
			restoreXZ(t, dir)
			for _, layers := range []string{"auto", "chain", "auto"} {
				tree, err := d.Local(t, h.request("case", "layers", layers))
				require.NoError(t, err, "what was copied is not kept for ever")
				require.Len(t, tree, 4)
			}
		})
	}
}

func TestTheCommandSaysWhyXZFails(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"echo 'xz: out of luck' >&2; exit 1": "xz fails: xz: out of luck (exit status 1)",
		"kill -9 $$":                         "xz fails: signal: killed",
	} {
		c := newCLI(t)
		c.path = brokenXZ(t, script)
		got := c.run(t, "build", "--sample", "provided.al2023", "-o", "image.tar")
		require.Equal(t, 1, got.code)
		require.Contains(t, got.stderr, want)
		require.NotContains(t, got.stderr, "daemon has no xz")
		require.NotContains(t, got.stderr, "where buildkitd runs")
		restoreXZ(t, c.path)
		require.Zero(t, c.run(t, "build", "--sample", "provided.al2023", "-o", "image.tar").code)
	}
}

func TestAPointersSizeIsTheObjects(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serve(t, []sample.Branch{newBranch("case", compress(t, packTar(t, append([]entry{file("a", "1")}, taskDirs...)...)))})
	honest, err := h.Commit("case")
	require.NoError(t, err)
	object := newBranch("case", compress(t, packTar(t, append([]entry{file("a", "1")}, taskDirs...)...))).LFS["a.tar.xz"]
	lie := func(size int64) string {
		wrong := newBranch("case", object)
		wrong.Files["a.tar.xz"] = fmt.Appendf(nil, "version https://git-lfs.github.com/spec/v1\noid %s\nsize %d\n", digest.FromBytes(object), size)
		wrong.LFS = nil
		commit, err := h.Push(wrong)
		require.NoError(t, err)
		return commit
	}
	for size, want := range map[int64]string{
		0: "nothing of 0 bytes", 1 << 40: "at most 10737418240 are expected",
		int64(len(object)) + 1: fmt.Sprintf("has %d bytes: its pointer says %d", len(object), len(object)+1),
		int64(len(object)) - 1: fmt.Sprintf("has %d bytes: its pointer says %d", len(object), len(object)-1),
	} {
		commit := lie(size)
		for range 2 { // also where the layer is in the cache
			for _, layers := range []string{"auto", "chain"} {
				_, err := d.Solve(t.Context(), t, h.request("case", "commit", commit, "layers", layers, "objects", h.URL+"/objects/{oid}"))
				require.ErrorContains(t, err, want)
				requireAt(t, err, "Dockerfile.case", 2)
			}
		}
	}
	require.LessOrEqual(t, h.Total(githost.Object), 1, "for that nothing is fetched again")
	_, err = d.Solve(t.Context(), t, h.request("case", "commit", honest, "objects", h.URL+"/objects/{oid}"))
	require.NoError(t, err)
	require.Equal(t, 1, h.Total(githost.Object))
}

func TestALayerWhoseObjectIsGoneIsStillBuiltFromTheCache(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "provided.al2023")
	commit, err := h.Commit("provided.al2023")
	require.NoError(t, err)
	want := oneImage(t, d, h.request("provided.al2023", "commit", commit))
	c, err := client.New(t.Context(), d.Addr)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Prune(t.Context(), nil, client.WithFilter([]string{"description~=^http"})))
	got := oneImage(t, d, h.request("provided.al2023", "commit", commit, "objects", "http://127.0.0.1:1/{oid}"))
	require.Equal(t, want.Digest, got.Digest)
}
