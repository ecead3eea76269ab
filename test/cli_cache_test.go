package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"
	"lambdabase/test/tarbomb"

	"github.com/stretchr/testify/require"
)

// What CI calls a cache is a tarball, which lacks extended attributes, and the owners if an ordinary user unpacks it.
func TestACopiedCacheIsBegunAnew(t *testing.T) {
	t.Parallel()
	const capability = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	layer := packTar(t, append(taskDirs, dirEntry("usr/", 0o755),
		file("usr/ping", "x").xattr("security.capability", capability),
		file("usr/su", "x").mode(0o4755),
		file("usr/owned", "x").owner(1000, 1001))...)
	h := serve(t, []sample.Branch{newBranch("nodejs20.x", compress(t, layer))})
	want := oneImage(t, sandbox.Start(t), h.request("nodejs20.x"))
	args := append(buildArgs(h, "nodejs20.x"), "-o", "image.tar")
	for name, newCLI := range map[string]func(testing.TB) *cli{"root": newCLI, "an ordinary user": newUserCLI} {
		t.Run(name, func(t *testing.T) {
			c := newCLI(t)
			c.mustRun(t, args...)
			requireDigest(t, c.file("image.tar"), want)
			written := c.root
			for _, place := range []string{c.root, filepath.Join(filepath.Dir(c.root), "elsewhere")} {
				archive := filepath.Join(t.TempDir(), "cache.tar")
				runCommand(t, "tar", "-C", c.root, "-cf", archive, ".")
				runCommand(t, "mv", c.root, c.root+".away")
				runCommand(t, "mkdir", "-p", place)
				runCommand(t, "tar", "-C", place, "-xf", archive)
				if c.setUser != nil {
					runCommand(t, "chown", "-R", "54321:54321", place)
				}
				c.root = place
				s := c.run(t, append(args, "--root="+place)...)
				require.Zero(t, s.code, s.stderr)
				require.Contains(t, s.stderr, "the cache in "+filepath.Join(place, "buildkit")+" is begun anew: it is a copy")
				requireDigest(t, c.file("image.tar"), want)
				h.Reset()
				require.NotContains(t, c.run(t, append(args, "--root="+place)...).stderr, "begun anew")
				require.Zero(t, h.Total(githost.Object))
			}
			c.root = written
		})
	}
}

func runCommand(t testing.TB, name string, args ...string) {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// To prune is what is advised where the disk is full.
func TestPruneOnAFullDisk(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	disk := t.TempDir()
	require.NoError(t, syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=100m,nr_inodes=5k"))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(disk, syscall.MNT_DETACH)) })
	c.root = filepath.Join(disk, "cache")
	h := serve(t, []sample.Branch{newBranch("nodejs20.x", compress(t, packTar(t, append(taskDirs, file("var/task/a", "a"))...)))})
	args := append(buildArgs(h, "nodejs20.x"), "-o", "image.tar")
	c.mustRun(t, args...)
	fillDisk(t, disk)

	s := c.run(t, append(args, "--no-cache")...)
	require.Equal(t, 1, s.code)
	require.Contains(t, s.stderr, "no space left on device")
	require.Regexp(t, `^freed [\d.]+kB\n$`, c.mustRun(t, "prune", "--all"))
	require.NoError(t, os.RemoveAll(filepath.Join(disk, "fill")))
	require.NotContains(t, c.run(t, args...).stderr, "begun anew")
}

// The first build of a cache may be of an archive of a few hundred bytes that fills any disk.
func TestPruneAfterABuildThatFillsTheDisk(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	disk := t.TempDir()
	require.NoError(t, syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=100m,nr_inodes=5k"))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(disk, syscall.MNT_DETACH)) })
	c.root = filepath.Join(disk, "cache")
	h := serve(t, []sample.Branch{
		newBranch("nodejs18.x", compress(t, tarbomb.Tar())),
		newBranch("nodejs20.x", compress(t, packTar(t, append(taskDirs, file("var/task/a", "a"))...))),
	})
	bomb := append(buildArgs(h, "nodejs18.x"), "-o", "bomb.tar")
	for range 2 {
		s := c.run(t, bomb...)
		require.Equal(t, 1, s.code)
		require.Contains(t, s.stderr, "the disk that BuildKit keeps its cache on is full: make room there, or prune the cache")
	}
	require.Contains(t, c.mustRun(t, "prune"), "freed ")
	args := append(buildArgs(h, "nodejs20.x"), "-o", "image.tar")
	c.mustRun(t, args...)

	// Where not even the room is there that pruning needs, all can be removed.
	require.NoError(t, os.Remove(filepath.Join(c.root, "buildkit", "reserve")))
	fillDisk(t, disk)
	require.Regexp(t, `^freed [1-9]`, c.mustRun(t, "prune", "--all"))
	require.NoError(t, os.RemoveAll(filepath.Join(disk, "fill")))
	c.mustRun(t, args...)
}

// fillDisk leaves no byte and no inode.
func fillDisk(t testing.TB, disk string) {
	t.Helper()
	dir := filepath.Join(disk, "fill")
	require.NoError(t, os.Mkdir(dir, 0o755))
	all, err := os.Create(filepath.Join(dir, "all"))
	require.NoError(t, err)
	defer all.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = all.Write(make([]byte, size))
		}
	}
	for i := 0; ; i++ {
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), nil, 0o600); err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC)
			return
		}
	}
}
