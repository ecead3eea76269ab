package test

import (
	"encoding/json"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"

	"github.com/stretchr/testify/require"
)

func TestNamesOfATarballAreQuoted(t *testing.T) {
	t.Parallel()
	const hostile = "a\x1b[31m\u009b\u202e"
	c := newCLI(t)
	first := packTar(t, append(taskDirs, dirEntry("var/task/"+hostile+"/", 0o755), symlink("var/task/link", hostile))...)
	second := packTar(t, dirEntry("var/", 0o755), dirEntry("var/task/", 0o755), dirEntry("var/task/"+hostile+"/", 0o700))
	h := serve(t, []sample.Branch{newBranch("case", compress(t, first), compress(t, second))})
	args := append([]string{"inspect", "case", "/var/task"}, h.flags()...)
	text := c.mustRun(t, args...)
	require.Contains(t, text, `"/var/task/a\x1b[31m\u009b\u202e"`)
	require.Contains(t, text, `/var/task/link -> "a\x1b[31m\u009b\u202e"`)

	dt := c.mustRun(t, append(args, "--json")...)
	var image struct{ Entries []struct{ Path string } }
	require.NoError(t, json.Unmarshal([]byte(dt), &image))
	require.Equal(t, "/var/task/"+hostile, image.Entries[1].Path)

	s := c.run(t, append(buildArgs(h, "case"), "--progress=plain")...)
	require.Zero(t, s.code, s.stderr)
	require.Contains(t, s.stderr, `\x1b[31m`, "two layers are in conflict about it")
	output := c.mustFail(t, 1, append([]string{"inspect", "case", "/" + hostile + "x"}, h.flags()...)...)
	for _, out := range []string{text, dt, s.stderr, output} {
		require.NotContains(t, out, "\x1b")
		require.NotContains(t, out, "\u009b")
		require.NotContains(t, out, "\u202e")
	}
}

// A server may send as much as it likes for a small object.
func TestAnObjectWithoutEndIsAskedForOnce(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serve(t, []sample.Branch{newBranch("nodejs20.x", compress(t, packTar(t, taskDirs...)))})
	for _, objects := range []string{"lfs", h.options("")["objects"]} {
		for want, fault := range map[string]faults.Fault{
			"the server would send ":                   {Oversize: 1 << 40},
			"the server sends more than the object's ": {Oversize: 1 << 40, Chunked: true},
		} {
			h.ClearFaults()
			h.Inject(faults.Target{Kind: githost.Object}, fault)
			h.Reset()
			output := c.mustFail(t, 1, "build", "nodejs20.x", h.repositoryFlag(), "--objects="+objects, "-o", "image.tar")
			require.Contains(t, output, want)
			require.Equal(t, 1, h.Total(githost.Object), "%s: %s", objects, output)
			for _, r := range h.Requests() {
				require.Less(t, r.Bytes, int64(100<<20), "what is in buffers")
			}
		}
	}
}
