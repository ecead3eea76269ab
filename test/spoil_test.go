package test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// spoiler is somebody else's build, which mounts the cache of an object. The Dockerfile frontend puts a namespace and a slash
// before the id of a cache.
func spoiler(t *testing.T, oid, script string) sandbox.Request {
	t.Helper()
	dir := t.TempDir()
	shell, err := os.ReadFile(busybox(t))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "busybox"), shell, 0o755))
	dockerfile := "FROM scratch\nCOPY busybox /bin/busybox\nSHELL [\"/bin/busybox\", \"sh\", \"-c\"]\n" +
		"RUN --mount=type=cache,id=" + oid + ",target=/c " + script + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644))
	return sandbox.Request{
		Frontend: "dockerfile.v0", Attrs: map[string]string{"build-arg:BUILDKIT_CACHE_MOUNT_NS": "lambdabase"},
		Dirs: map[string]string{"context": dir, "dockerfile": dir},
	}
}

func TestAnObjectsCacheThatOthersSpoilBreaksNoBuild(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	made, err := sample.Upstream(sample.UpstreamOptions{Scale: 0.001, Branches: []string{"provided.al2023"}})
	require.NoError(t, err)
	h := serve(t, made)
	image, _ := frontendImage(t, d)
	var oids []string
	for name, content := range made[0].LFS {
		if strings.HasPrefix(name, "x86_64/") {
			oids = append(oids, digest.FromBytes(content).Encoded())
		}
	}
	taken, locked := oids[0], oids[1]

	_, err = d.Solve(t.Context(), t, spoiler(t, taken, "/bin/busybox mkdir -p /c/"+taken+"/x /c/"+taken+".part/x"))
	require.NoError(t, err)

	_, err = d.Solve(t.Context(), t, spoiler(t, locked, "/bin/busybox touch /c/"+locked+".part"))
	require.NoError(t, err)
	var part string
	require.NoError(t, filepath.WalkDir(d.Root, func(path string, _ fs.DirEntry, _ error) error {
		if filepath.Base(path) == locked+".part" {
			part = path
		}
		return nil
	}))
	file, err := os.Open(part) // as a process of that build would, which a RUN of this shell can't
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, unix.Flock(int(file.Fd()), unix.LOCK_EX))

	_, err = d.Solve(t.Context(), t, h.byStep(image, "provided.al2023"))
	require.NoError(t, err)
	require.Equal(t, len(oids), h.Total(githost.Object))
}
