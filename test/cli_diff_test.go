package test

import (
	"bytes"
	"encoding/json"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// diffAnswer is what a test reads of the command's answer.
type diffAnswer struct {
	Layers struct{ Added, Removed, Same []struct{ OID string } }
	Files  []struct{ Path, Change string }
}

func TestADiffOfTwoCommitsFetchesTheLayersThatDiffer(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	shared := compress(t, packTar(t, append(taskDirs, dirEntry("opt/", 0o755), file("opt/shared", "x"))...))
	before := compress(t, packTar(t, dirEntry("etc/", 0o755), file("etc/same", "x"), file("etc/content", "abc"), file("etc/gone", "x"), file("etc/mode", "x")))
	after := compress(t, packTar(t, dirEntry("etc/", 0o755), file("etc/same", "x"), file("etc/content", "abd"), file("etc/come", "12345"), file("etc/mode", "x").mode(0o600)))
	h := serve(t, []sample.Branch{newBranch("nodejs20.x", shared, before)})
	first := must(h.Commit("nodejs20.x"))
	c.mustRun(t, append([]string{"lock", "nodejs20.x"}, h.flags()...)...)
	c.mustRun(t, append(buildArgs(h, "nodejs20.x"), "-o", "old.tar")...)
	later := newBranch("nodejs20.x", shared, after)
	later.Date = later.Date.AddDate(0, 0, 7)
	must(h.Push(later))
	c.mustRun(t, append(buildArgs(h, "nodejs20.x"), "--lock=none", "-o", "new.tar")...)

	fresh := newCLI(t)
	fresh.dir = c.dir
	h.Reset()
	s := fresh.run(t, append([]string{"diff", "nodejs20.x@" + first, "nodejs20.x", "--exit-code"}, h.flags()...)...)
	require.Equal(t, 1, s.code, s.stderr)
	require.Equal(t, 2, h.Total(githost.Object), "what both have isn't fetched")
	for _, line := range []string{
		"- nodejs20.x@" + first + " (commit " + first + " of ", "\nlayers: 1 added (", ", 1 in both (", "\nfiles of the layers that differ: 1 added, 1 removed, 2 changed\n",
		"  + -rw-r--r-- 0:0 5B  /etc/come\n", "  ~ content            /etc/content\n", "  - -rw-r--r-- 0:0 1B  /etc/gone\n", "  ~ -rw-r--r-- 0:0 1B -> -rw------- 0:0 1B  /etc/mode\n",
	} {
		require.Contains(t, s.stdout, line)
	}

	for _, sides := range [][]string{{"lambda.lock.json", "nodejs20.x"}, {"old.tar", "new.tar"}, {"lambda.lock.json", "new.tar"}} {
		args := append(append([]string{"diff"}, sides...), "--json")
		var answer diffAnswer
		require.NoError(t, json.Unmarshal([]byte(c.mustRun(t, append(args, h.flags()...)...)), &answer))
		var files []string
		for _, f := range answer.Files {
			files = append(files, f.Change+" "+f.Path)
		}
		require.Equal(t, []string{"added /etc/come", "changed /etc/content", "removed /etc/gone", "changed /etc/mode"}, files, sides)
	}
	require.Contains(t, c.mustRun(t, append([]string{"diff", "nodejs20.x", "nodejs20.x", "--exit-code"}, h.flags()...)...), "no difference")
	require.Contains(t, c.mustRun(t, append([]string{"diff", "nodejs20.x", "new.tar", "--exit-code"}, h.flags()...)...), "no difference", "an image is the same as what it was built of")
}

func TestADiffSaysWhichSettingsDifferAndThatLayersMoved(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	base, more := compress(t, packTar(t, taskDirs...)), compress(t, packTar(t, dirEntry("opt/", 0o755), file("opt/x", "x")))
	h := serve(t, []sample.Branch{newBranch("nodejs20.x", base, more)})
	c.mustRun(t, append(buildArgs(h, "nodejs20.x"), "-o", "old.tar")...)
	first := must(h.Commit("nodejs20.x"))
	later := newBranch("nodejs20.x", more, base)
	later.Files["Dockerfile.nodejs20.x"] = bytes.Replace(later.Files["Dockerfile.nodejs20.x"], []byte("en_US.UTF-8"), []byte("C.UTF-8\nENV NEW=1"), 1)
	later.Date = later.Date.AddDate(0, 0, 7)
	must(h.Push(later))

	const settings = "\nsettings: 2\n  ~ env LANG  en_US.UTF-8 -> C.UTF-8\n  + env NEW   1\n"
	s := c.run(t, append([]string{"diff", "nodejs20.x@" + first, "nodejs20.x", "--exit-code"}, h.flags()...)...)
	require.Equal(t, 1, s.code, s.stderr)
	require.Contains(t, s.stdout, " in both (")
	require.Contains(t, s.stdout, ", in another order\n"+settings)
	require.NotContains(t, s.stdout, "files:")
	s = c.run(t, append([]string{"diff", "old.tar", "nodejs20.x", "--exit-code"}, h.flags()...)...)
	require.Equal(t, 1, s.code, s.stderr)
	require.Contains(t, s.stdout, settings)
}

func TestAnImageSaysWhichRuntimeOfALockItIsComparedWith(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "go1.x", "nodejs20.x", "python3.12")
	c.mustRun(t, append([]string{"lock", "go1.x", "nodejs20.x"}, h.flags()...)...)
	c.mustRun(t, append([]string{"lock", "nodejs20.x", "python3.12", "-o", "other.json"}, h.flags()...)...)
	c.mustRun(t, append(buildArgs(h, "go1.x"), "-o", "image.tar")...)
	_, objects := h.URLs(h.URL)
	out := c.mustRun(t, "diff", "lambda.lock.json", "image.tar", "--exit-code", "--objects="+objects)
	require.Contains(t, out, "- lambda.lock.json: go1.x (commit ")
	require.Contains(t, out, "no difference")
	require.Contains(t, c.mustFail(t, 1, "diff", "image.tar", "other.json", "--objects="+objects),
		"other.json locks nodejs20.x, python3.12, and image.tar has no label lambdabase.runtime that names one of them: name the runtime (RUNTIME@COMMIT) in place of the file")
}

func TestADiffSaysWhichPackagesDiffer(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		h := serveUpstream(t, "nodejs20.x", "python3.9")
		registry := sandbox.Registry(t)
		c.mustRun(t, append(append(buildArgs(h, "python3.9"), where...), "-t", registry+"/base:1", "--push")...)
		out := c.mustRun(t, append(append([]string{"diff", registry + "/base:1", "nodejs20.x"}, h.flags()...), where...)...)
		require.Contains(t, out, "\npackages: ")
		require.Contains(t, out, "\nfiles: ")
		require.NotContains(t, out, "\nlayers: ", "whose objects an image doesn't tell")

		require.Contains(t, c.mustFail(t, 2, "diff", "nodejs20.x", "b8b153b94ac0@x"), "is neither RUNTIME, RUNTIME@<full commit>, a file, nor the name of an image")
		require.Contains(t, c.mustFail(t, 1, append([]string{"diff", registry + "/base:1", registry + "/none"}, where...)...), registry+"/none")
	})
}
