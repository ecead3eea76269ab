package test

import (
	"encoding/json"
	"testing"

	"lambdabase/frontend/subrequests/inspect"
	"lambdabase/internal/sample"

	"github.com/stretchr/testify/require"
)

func TestNamesOfATarballAreQuoted(t *testing.T) {
	const hostile = "a\x1b[31m\u009b\u202e"
	c := newCLI(t)
	first := plain(t, append(task, folder("var/task/"+hostile+"/", 0o755), symlink("var/task/link", hostile))...)
	second := plain(t, folder("var/", 0o755), folder("var/task/", 0o755), folder("var/task/"+hostile+"/", 0o700))
	h := serve(t, []sample.Branch{branch("case", compress(t, first), compress(t, second))})
	args := append([]string{"inspect", "case", "/var/task"}, h.flags()...)
	text := c.does(t, args...)
	require.Contains(t, text, `"/var/task/a\x1b[31m\u009b\u202e"`)
	require.Contains(t, text, `/var/task/link -> "a\x1b[31m\u009b\u202e"`)

	dt := c.does(t, append(args, "--json")...)
	var image inspect.Image
	require.NoError(t, json.Unmarshal([]byte(dt), &image))
	require.Equal(t, "/var/task/"+hostile, image.Entries[1].Path)

	s := c.run(t, append(build(h, "case"), "--progress=plain")...)
	require.Zero(t, s.code, s.stderr)
	require.Contains(t, s.stderr, `\x1b[31m`, "two layers are in conflict about it")
	said := c.fails(t, 1, append([]string{"inspect", "case", "/" + hostile + "x"}, h.flags()...)...)
	for _, out := range []string{text, dt, s.stderr, said} {
		require.NotContains(t, out, "\x1b")
		require.NotContains(t, out, "\u009b")
		require.NotContains(t, out, "\u202e")
	}
}
