package test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"lambdabase/internal/document"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// wrongSize is a lock file in which an object has another size, and its layer as it was.
func wrongSize(t testing.TB, text string, more int64) (string, document.Layer) {
	t.Helper()
	layer := must(document.ParseLock("", []byte(text))).Snapshots[0].Platforms[0].Layers[0]
	wrong := strings.ReplaceAll(text, fmt.Sprintf(`"size": %d`, layer.Size), fmt.Sprintf(`"size": %d`, layer.Size+more))
	require.NotEqual(t, text, wrong)
	return wrong, layer
}

// requireSizesChecked holds a way to build go1.x by a lock file against sizes that are wrong, cold and warm. What a build prints
// is returned by it, or is its error.
func requireSizesChecked(t *testing.T, text string, build func(lock string) error, requests func() int) {
	t.Helper()
	refused := func(when string, more int64) {
		t.Helper()
		wrong, l := wrongSize(t, text, more)
		err := build(wrong)
		require.Error(t, err, when)
		require.ErrorContains(t, err, fmt.Sprintf("lambda.lock.json says %d bytes of it, for go1.x on linux/amd64", l.Size+more), when)
		require.ErrorContains(t, err, l.Path+" (object sha256:"+l.OID, when)
		require.ErrorContains(t, err, "(lambdabase lock --update go1.x)", when)
	}
	refused("cold", 1)
	require.NoError(t, build(text))
	refused("warm, larger", 1)
	refused("warm, smaller", -1)
	requests()
	require.NoError(t, build(text))
	require.Zero(t, requests(), "a locked warm build asks nobody")
}

func TestASizeOfALockThatIsNotTheObjectsIsSaidByADaemon(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "go1.x")
	image, _ := frontendImage(t, d)
	text := lock(t, d, h.request("go1.x"))
	m := h.mirror(t, d, "go1.x")
	function := h.functionRequest(t, map[string]string{"Dockerfile": "FROM go1.x\n"})
	for name, req := range map[string]sandbox.Request{
		"URL":           h.request("go1.x"),
		"URL, chained":  h.request("go1.x", "layers", "chain"),
		"URL, excluded": h.request("go1.x", "exclude", "/usr/local/bin/aws-lambda-rie"),
		"function":      function,
		"LFS step":      h.byImage(image, "go1.x"),
		"mirror":        m.request("go1.x"),
		"its objects":   h.request("go1.x", "objects", m.location()),
	} {
		t.Run(name, func(t *testing.T) {
			d.Prune(t)
			requireSizesChecked(t, text, func(lock string) error {
				dir := t.TempDir()
				require.NoError(t, os.CopyFS(dir, os.DirFS(function.Dirs["context"])))
				require.NoError(t, os.WriteFile(dir+"/"+document.LockName, []byte(lock), 0o644))
				req.Dirs = map[string]string{"context": dir, "dockerfile": dir}
				_, err := d.Solve(t.Context(), t, req)
				return err
			}, func() int {
				n := len(h.Requests()) + len(m.asked())
				h.Reset()
				return n
			})
		})
	}
}

func TestASizeOfALockThatIsNotTheObjectsIsSaidByTheCommand(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "go1.x")
	text := lock(t, d, h.request("go1.x"))
	m := h.mirror(t, d, "go1.x")
	layout := h.mirrorLayout(t, d, "go1.x")
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		for name, flags := range map[string][]string{
			"URL":            h.flags(),
			"store":          {h.repositoryFlag(), "--objects=lfs"},
			"store, chained": {h.repositoryFlag(), "--objects=lfs", "--layers=chain"},
			"mirror":         {"--repository=" + m.location()},
			"layout":         {"--repository=oci-layout:" + layout},
		} {
			t.Run(name, func(t *testing.T) {
				c.mustRun(t, append([]string{"prune", "--all"}, where...)...)
				requireSizesChecked(t, text, func(lock string) error {
					require.NoError(t, os.WriteFile(c.file(document.LockName), []byte(lock), 0o644))
					s := c.run(t, append(append([]string{"build", "go1.x", "--platform=linux/amd64"}, flags...), where...)...)
					if s.code != 0 {
						return fmt.Errorf("exit code %d: %s", s.code, s.stderr)
					}
					return nil
				}, func() int {
					n := len(h.Requests()) + len(m.asked())
					h.Reset()
					return n
				})
			})
		}
	})
}
