package test

import (
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/test/fstree"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// notUTF8 are layers of which BuildKit can't list a directory.
var notUTF8 = map[string][][]entry{
	"in the root":                  {{file("a", "1")}, {file("b\xff", "2")}},
	"in the first layer":           {{file("a\xff", "1")}, {file("b", "2")}},
	"a directory":                  {{file("a", "1")}, {dirEntry("d\xe4", 0o700), file("d\xe4/b", "2")}},
	"beside the working directory": {{dirEntry("var", 0o755), file("var/\xff", "1")}, {dirEntry("var", 0o755), file("var/b", "2")}},
	"the target of a symlink":      {{file("a", "1")}, {symlink("b", "\xff")}},
	"far out":                      {{file("a", "1")}, {dirEntry("d", 0o755), dirEntry("d/e", 0o755), dirEntry("d/e/f", 0o755), file("d/e/f/\xff", "2")}},
	"over another":                 {{file("\xff", "1")}, {file("\xff", "2")}},
}

func TestNamesThatAreNotUTF8AreBuiltAsTheOracleDoes(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t, sandbox.WithSnapshotter("overlayfs"))
	atOnce(t, notUTF8, func(t *testing.T, name string, layers [][]entry) {
		h, ignore := serveAdversarial(t, name, layers)
		want, wantImage := exportRaw(t, d, h.oracle(t, "case", ""))
		for _, by := range []string{"auto", "chain"} {
			got, gotImage := exportRaw(t, d, h.request("case", "layers", by))
			require.Empty(t, fstree.Diff(want, got, fstree.IgnoreMtime(ignore)), by)
			require.Empty(t, fstree.Diff(wantImage, gotImage, fstree.IgnoreMtime(func(string) bool { return true })), by)
		}
	})
}

// exportRaw exports as a tar and as an image: files can't be sent by names that are no UTF-8, the oracle's either.
func exportRaw(t *testing.T, d *sandbox.Daemon, req sandbox.Request) (tar, image fstree.Tree) {
	t.Helper()
	tar, err := d.Tar(t, req)
	require.NoError(t, err)
	image, err = oneImage(t, d, req).Tree()
	require.NoError(t, err)
	return tar, image
}

func TestNamesThatAreNotUTF8AreNeitherInTheWayOfACommitNorOfALook(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	branch := newBranch("case", compress(t, packTar(t, append(taskDirs, file("a", "1"), file("a\xff", "2"), file("var/\xff", "3"), file("var/b", "4"))...)),
		compress(t, packTar(t, file("c", "5"))))
	branch.Files["\xff"], branch.Files["Dockerfile.\xff"] = []byte("x"), []byte("y")
	h := serve(t, []sample.Branch{branch})
	tree, err := d.Tar(t, h.request("case", "exclude", "/var/b"))
	require.NoError(t, err)
	require.Contains(t, tree, "/var/\xff")
	require.NotContains(t, tree, "/var/b")

	c := newCLI(t)
	inspect := func(args ...string) string {
		return c.mustRun(t, append(append([]string{"inspect", "case"}, args...), h.flags()...)...)
	}
	require.Contains(t, inspect(), "files     5, ")
	output := inspect("/var")
	require.Contains(t, output, "/var/b")
	require.Contains(t, output, "?---------")
	require.Contains(t, output, "/var/\ufffd")
	require.Contains(t, inspect("/var/b"), "/var/b")
}
