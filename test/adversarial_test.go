package test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/test/fstree"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// taskDirs brings the working directory, so that a case is about nothing else.
var taskDirs = []entry{dirEntry("var", 0o755), dirEntry("var/task", 0o755)}

// adversarial are layers that could come out otherwise unpacked apart than unpacked one onto the other.
var adversarial = map[string][][]entry{
	"nothing shared":                     {{file("a", "1")}, {file("b", "2")}},
	"file over file":                     {{file("a", "1")}, {file("a", "22")}},
	"three over each other":              {{file("a", "1")}, {file("a", "22")}, {file("a", "333")}},
	"symlink over file":                  {{file("a", "1")}, {symlink("a", "b")}},
	"file over symlink":                  {{file("t", "target"), symlink("a", "t")}, {file("a", "1")}},
	"fifo over file":                     {{file("a", "1")}, {fifo("a")}},
	"device over file":                   {{file("a", "1")}, {device("a", 1, 3)}},
	"empty file over file":               {{file("a", "1")}, {file("a", "")}},
	"same directory":                     {{dirEntry("d", 0o750), file("d/a", "1")}, {dirEntry("d", 0o750), file("d/b", "2")}},
	"directory with another mode":        {{dirEntry("d", 0o700), file("d/a", "1")}, {dirEntry("d", 0o755), file("d/b", "2")}},
	"sticky bit":                         {{dirEntry("tmp", 0o1777)}, {dirEntry("tmp", 0o777), file("tmp/b", "2")}},
	"directory with another owner":       {{dirEntry("d", 0o755).owner(993, 990), file("d/a", "1")}, {dirEntry("d", 0o755), file("d/b", "2")}},
	"directory with xattrs":              {{dirEntry("d", 0o755).xattr("user.x", "1")}, {dirEntry("d", 0o755), file("d/b", "2")}},
	"implied parent":                     {{dirEntry("d", 0o700), file("d/a", "1")}, {file("d/b", "2")}},
	"implied parent comes first":         {{file("d/a", "1")}, {dirEntry("d", 0o700), file("d/b", "2")}},
	"implied parents, deep":              {{dirEntry("d", 0o755), dirEntry("d/e", 0o711), file("d/e/a", "1")}, {file("d/e/f/b", "2")}},
	"implied parent of a setgid folder":  {{dirEntry("d", 0o2775).owner(0, 12)}, {file("d/b", "2")}},
	"through a symlinked parent":         {{dirEntry("usr", 0o755), dirEntry("usr/lib64", 0o755), symlink("lib64", "usr/lib64")}, {file("lib64/b", "2")}},
	"symlinked parent with a header":     {{dirEntry("usr", 0o755), dirEntry("usr/lib64", 0o755), symlink("lib64", "usr/lib64")}, {dirEntry("lib64", 0o755), file("lib64/b", "2")}},
	"symlinked parent comes later":       {{dirEntry("lib64", 0o755), file("lib64/b", "2")}, {dirEntry("usr", 0o755), dirEntry("usr/lib64", 0o755), symlink("lib64", "usr/lib64")}},
	"through an absolute symlink":        {{dirEntry("x", 0o755), symlink("y", "/x")}, {file("y/b", "2")}},
	"dangling symlinked parent":          {{symlink("y", "nowhere")}, {file("y/b", "2")}},
	"directory over file":                {{file("p", "1")}, {dirEntry("p", 0o755), file("p/b", "2")}},
	"file over directory":                {{dirEntry("p", 0o755), file("p/a", "1")}, {file("p", "2")}},
	"file over empty directory":          {{dirEntry("p", 0o755)}, {file("p", "2")}},
	"symlink over directory":             {{dirEntry("p", 0o755), file("p/a", "1")}, {symlink("p", "q")}},
	"hard links in one tar":              {{file("a", "1"), hardlink("b", "a")}, {file("c", "2"), hardlink("d", "c")}},
	"hard link into an earlier tar":      {{file("a", "1")}, {hardlink("b", "a")}},
	"hard link to nothing":               {{file("a", "1")}, {hardlink("b", "nowhere")}},
	"one name of a hard link replaced":   {{file("a", "1"), hardlink("b", "a")}, {file("a", "2")}},
	"hard link over a file":              {{file("a", "1")}, {file("x", "2"), hardlink("a", "x")}},
	"whiteout name":                      {{file("a", "1")}, {file(".wh.a", "")}},
	"whiteout name in a folder":          {{dirEntry("d", 0o755), file("d/a", "1")}, {dirEntry("d", 0o755), file("d/.wh.a", "")}},
	"opaque name":                        {{dirEntry("d", 0o755), file("d/a", "1")}, {dirEntry("d", 0o755), file("d/.wh..wh..opq", "")}},
	"0:0 device over nothing":            {{file("a", "1")}, {device("z", 0, 0)}},
	"0:0 device where nothing is shared": {{file("a", "1")}, {dirEntry("e", 0o755), device("e/z", 0, 0)}},
	"overlayfs's attribute of a file":    {{file("a", "1")}, {file("b", "2").xattr("trusted.overlay.x", "1")}},
	"overlayfs's attribute, user's":      {{file("a", "1")}, {file("b", "2").xattr("user.overlay.x", "1")}},
	"overlayfs's attribute of a symlink": {{file("a", "1")}, {symlink("b", "a").xattr("trusted.overlay.x", "1")}},
	"overlayfs's attribute in a folder":  {{file("a", "1")}, {dirEntry("d", 0o755), dirEntry("d/e", 0o755), file("d/e/b", "2").xattr("trusted.overlay.x", "1")}},
	"overlayfs's opaque folder":          {{dirEntry("d", 0o755), file("d/a", "1")}, {dirEntry("e", 0o755).xattr("trusted.overlay.opaque", "y"), file("e/b", "2")}},
	"overlayfs's metacopy":               {{file("a", "1")}, {file("b", "2").xattr("trusted.overlay.metacopy", "1")}},
	"overlayfs's redirect":               {{file("a", "1")}, {file("b", "2").xattr("trusted.overlay.redirect", "/a")}},
	"overlayfs's attribute comes first":  {{file("a", "1").xattr("trusted.overlay.x", "1"), dirEntry("d", 0o755).xattr("trusted.overlay.opaque", "y")}, {file("b", "2")}},
	"overlayfs's attribute is replaced":  {{file("a", "1").xattr("trusted.overlay.x", "1")}, {file("a", "2")}},
	"deep":                               {{file("a", "1")}, {file(strings.Repeat("d/", 300)+"b", "2")}},
	"deep, comes first":                  {{file(strings.Repeat("d/", 300)+"b", "2")}, {file("a", "1")}},
	"setuid over plain":                  {{file("a", "1")}, {file("a", "1").mode(0o4755)}},
	"other owner":                        {{file("a", "1").owner(1000, 1000)}, {file("a", "1").owner(0, 0)}},
	"file capability":                    {{file("a", "1").xattr("security.capability", "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")}, {file("b", "2")}},
	"root directory":                     {{dirEntry(".", 0o755), file("a", "1")}, {dirEntry(".", 0o700), file("b", "2")}},
	"long names":                         {{file(strings.Repeat("long/", 60)+"a", "1")}, {file(strings.Repeat("long/", 60)+"b", "2")}},
	"names beyond ASCII":                 {{dirEntry("ä€𝄞", 0o755), file("ä€𝄞/a", "1")}, {dirEntry("ä€𝄞", 0o755), file("ä€𝄞/b", "2")}},
	"workdir is a file":                  {{dirEntry("var", 0o755), file("var/task", "1")}, {file("b", "2")}},
	"workdir behind a symlink":           {{dirEntry("srv", 0o755), dirEntry("srv/task", 0o711), symlink("var", "srv")}, {file("b", "2")}},
	"setgid folder, header comes late":   {{dirEntry("d", 0o2775).owner(0, 12)}, {file("d/e/x", "1"), dirEntry("d", 0o2775).owner(0, 12)}},
	"one layer twice":                    {{dirEntry("d", 0o755), file("d/a", "1")}, {file("b", "2")}, {dirEntry("d", 0o755), file("d/a", "1")}},
	"directory, file, directory":         {{dirEntry("p", 0o755), file("p/a", "1")}, {file("p", "2")}, {dirEntry("p", 0o755), file("p/b", "3")}},
	"leaving the root":                   {{file("a", "1")}, {file("../../b", "2")}},
	"absolute name":                      {{file("a", "1")}, {file("/b", "2")}},
}

// oracleErrors are the cases that docker build fails in, and why. It builds every other one.
var oracleErrors = map[string]string{
	"workdir is a file":                  "mkdir /var/task: not a directory",
	"dangling symlinked parent":          "open /y/b: no such file or directory",
	"hard link to nothing":               "link /nowhere /b: no such file or directory",
	"0:0 device over nothing":            "operation not permitted", // to overlayfs it is a whiteout
	"0:0 device where nothing is shared": "operation not permitted",
	"a 0:0 device far out":               "operation not permitted",
}

func TestAdversarialLayersEqualTheOracle(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t, sandbox.WithSnapshotter("overlayfs"))
	atOnce(t, adversarial, func(t *testing.T, name string, layers [][]entry) {
		h, ignore := serveAdversarial(t, name, layers)
		requireSameOutcome(t, d, h.oracle(t, "case", ""), oracleErrors[name], fstree.IgnoreMtime(ignore),
			h.request("case", "layers", "auto"), h.request("case", "layers", "chain"))
	})
}

// manyDirs are more directories than are looked into where no other layer has them, if they are more than 128.
func manyDirs(n int) (dirs []entry) {
	for i := range n {
		dirs = append(dirs, dirEntry(fmt.Sprintf("d%03d", i), 0o755))
	}
	return dirs
}

// knownDifferences are layers whose conflict doesn't show in what they are unpacked to, apart. Chained they are equal.
var knownDifferences = map[string][][]entry{
	"a directory is replaced and made again":   {{dirEntry("p", 0o755), file("p/a", "1")}, {file("p", "x"), dirEntry("p", 0o755), file("p/b", "2")}},
	"a symlink is written through and renewed": {{dirEntry("usr", 0o755), dirEntry("usr/lib64", 0o755), symlink("lib64", "usr/lib64")}, {file("lib64/b", "2"), symlink("lib64", "usr/lib64")}},
	"a 0:0 device far out":                     {{file("a", "1")}, append(manyDirs(200), device("d199/z", 0, 0))},
	"the time of a parent of an implied one":   {{dirEntry("d", 0o755), dirEntry("d/e", 0o755), file("d/e/a", "1")}, {file("d/e/b", "2")}},
}

func TestKnownDifferencesAreThoseOfTheDocumentation(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t, sandbox.WithSnapshotter("overlayfs"))
	for name, layers := range knownDifferences {
		t.Run(name, func(t *testing.T) {
			h, ignore := serveAdversarial(t, name, layers)
			oracle := h.oracle(t, "case", "")
			requireSameOutcome(t, d, oracle, oracleErrors[name], fstree.IgnoreMtime(ignore), h.request("case", "layers", "chain"))
			got, err := d.Local(t, h.request("case"))
			require.NoError(t, err)
			if oracleErrors[name] != "" {
				return // one builds and the other doesn't: that is the difference
			}
			want, err := d.Local(t, oracle)
			require.NoError(t, err)
			require.NotEmpty(t, fstree.Diff(want, got, fstree.IgnoreMtime(ignore)), "no difference any more: say so in docs/how-it-works.md")
		})
	}
}

// serveAdversarial serves a case, and tells the directories whose time is that of unpacking, in the oracle too.
func serveAdversarial(t *testing.T, name string, layers [][]entry) (*repoServer, func(string) bool) {
	if !strings.HasPrefix(name, "workdir") {
		layers = append([][]entry{taskDirs}, layers...)
	}
	var packed [][]byte
	var tarballs []io.Reader
	for _, l := range layers {
		tarball := packTar(t, l...)
		packed = append(packed, compress(t, tarball))
		tarballs = append(tarballs, bytes.NewReader(tarball))
	}
	untimed, err := fstree.HeaderlessDirs(tarballs...)
	if err != nil { // such a case is about the oracle's error
		untimed = map[string]bool{}
	}
	return serve(t, []sample.Branch{newBranch("case", packed...)}), func(path string) bool { return untimed[path] }
}

// requireSameOutcome wants each of our builds to be the oracle's, or where it fails all to fail for the reason that is expected.
func requireSameOutcome(t *testing.T, d *sandbox.Daemon, oracle sandbox.Request, reason string, opt fstree.Option, ours ...sandbox.Request) {
	t.Helper()
	if reason == "" {
		want := exportAll(t, d, oracle)
		for _, req := range ours {
			requireExports(t, want, d, req, opt)
		}
		return
	}
	for _, req := range append(ours, oracle) {
		_, err := d.Solve(t.Context(), t, req)
		require.ErrorContains(t, err, reason, "frontend %q, layers %q", req.Frontend, req.Attrs["layers"])
	}
}
