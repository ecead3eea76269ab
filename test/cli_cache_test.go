package test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// What CI calls a cache is a tarball, which lacks extended attributes, and the owners if an ordinary user unpacks it.
func TestACopiedCacheIsBegunAnew(t *testing.T) {
	const capability = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	layer := plain(t, append(task, folder("usr/", 0o755),
		file("usr/ping", "x").xattr("security.capability", capability),
		file("usr/su", "x").mode(0o4755),
		file("usr/owned", "x").owner(1000, 1001))...)
	h := serve(t, []sample.Branch{branch("nodejs20.x", compress(t, layer))})
	want := oneImage(t, sandbox.Start(t), h.request("nodejs20.x"))
	args := append(build(h, "nodejs20.x"), "-o", "image.tar")
	for name, newCLI := range map[string]func(testing.TB) *cli{"root": newCLI, "an ordinary user": newUserCLI} {
		t.Run(name, func(t *testing.T) {
			c := newCLI(t)
			c.does(t, args...)
			requireDigest(t, c.file("image.tar"), want)
			written := c.root
			for _, place := range []string{c.root, filepath.Join(filepath.Dir(c.root), "elsewhere")} {
				archive := filepath.Join(t.TempDir(), "cache.tar")
				execute(t, "tar", "-C", c.root, "-cf", archive, ".")
				execute(t, "mv", c.root, c.root+".away")
				execute(t, "mkdir", "-p", place)
				execute(t, "tar", "-C", place, "-xf", archive)
				if c.as != nil {
					execute(t, "chown", "-R", "54321:54321", place)
				}
				c.root = place
				s := c.run(t, append(args, "--root="+place)...)
				require.Zero(t, s.code, s.stderr)
				require.Contains(t, s.stderr, "the cache in "+filepath.Join(place, "buildkit")+" is begun anew: it is a copy")
				requireDigest(t, c.file("image.tar"), want)
				h.Reset()
				require.NotContains(t, c.run(t, append(args, "--root="+place)...).stderr, "begun anew")
				require.Zero(t, h.Total(sample.Object))
			}
			c.root = written
		})
	}
}

func execute(t testing.TB, name string, args ...string) {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}
