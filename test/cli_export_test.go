package test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lambdabase/internal/sample/githost"
	"lambdabase/test/readme"

	"github.com/stretchr/testify/require"
)

// smallDisk is a dir with room for a megabyte.
func (c *cli) smallDisk(t testing.TB) string {
	t.Helper()
	dir := c.file("disk")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// More files than fsutil's sender has room for, and more than fits: a receiver that fails leaves such a sender waiting for
// ever (BuildKit v0.33.1).
func TestAnExportToAFullDiskFailsAndLeavesNothing(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		disk := c.smallDisk(t)
		for i := range 600 {
			c.writeFiles(t, map[string]string{fmt.Sprintf("context/%d", i): strings.Repeat(fmt.Sprint(i), 8000)})
		}
		c.writeFiles(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY . /\n", "disk/old/file": "old"})
		with := func(output string) []string {
			return append([]string{"build", "context", "-f", "Dockerfile", "--progress=plain", "-o", output}, where...)
		}
		for _, output := range []string{"type=local,dest=disk/new", "type=local,dest=disk/above/new", "type=tar,dest=disk/image.tar", "type=oci,compression=uncompressed,dest=disk/image.tar", "type=oci,compression=uncompressed,tar=false,dest=disk/image"} {
			begun := time.Now()
			stderr := c.mustFail(t, 1, with(output)...)
			t.Logf("%s: %s", output, time.Since(begun))
			require.Contains(t, stderr, "no space left on device", output)
			entries, err := os.ReadDir(disk)
			require.NoError(t, err)
			require.Len(t, entries, 1, "%s: %v", output, entries)
		}
		stderr := c.mustFail(t, 1, with("type=local,dest=disk/old")...)
		require.Contains(t, stderr, "no space left on device")
		require.Contains(t, stderr, "disk/old was there before: it may have a part of the result now, besides what it had\n")
		readme.Explains(t, stderr, "may have a part of the result now")
		require.FileExists(t, filepath.Join(disk, "old", "file"))
		c.mustRun(t, with("type=local,dest=elsewhere")...)
		require.FileExists(t, c.file("elsewhere/599"))
	})
}

func TestADirThatWasThereIsWrittenInto(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	c.writeFiles(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n", "root/old": "old"})
	for _, output := range []string{"type=local,dest=root", "type=local,dest=a/b/c", "type=oci,tar=false,dest=d/layout"} {
		for range 2 {
			s := c.run(t, "build", "-f", "Dockerfile", "-o", output)
			require.Zero(t, s.code, s.stderr)
			require.NotContains(t, s.stderr, "was there before")
		}
	}
	for _, file := range []string{"root/old", "root/Dockerfile", "a/b/c/Dockerfile", "d/layout/index.json"} {
		require.FileExists(t, c.file(file))
	}
	for _, dir := range []string{".", "a", "a/b", "d"} {
		hidden, err := filepath.Glob(c.file(dir + "/.?*"))
		require.NoError(t, err)
		require.Empty(t, hidden)
	}
}

// Nobody reads what is written, so that the exporter never ends.
func TestAnInterruptEndsAnExportThatHangs(t *testing.T) {
	t.Parallel()
	h := serveUpstream(t, "nodejs20.x")
	c := newCLI(t)
	require.NoError(t, syscall.Mkfifo(c.file("pipe"), 0o600))
	c.mustRun(t, buildArgs(h, "nodejs20.x")...)
	for name, output := range map[string]string{"standard output": "-", "pipe with a name": "pipe"} {
		t.Run(name, func(t *testing.T) {
			cmd := c.command(t, append(buildArgs(h, "nodejs20.x"), "--progress=plain", "-o", output)...)
			out, unread, err := os.Pipe()
			require.NoError(t, err)
			defer out.Close()
			cmd.Stdout = unread
			stderr, err := cmd.StderrPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			unread.Close()
			var output []string
			for lines := bufio.NewScanner(stderr); lines.Scan(); {
				output = append(output, lines.Text())
				if strings.Contains(lines.Text(), "sending tarball") {
					require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
					break
				}
			}
			begun := time.Now()
			rest, _ := bufio.NewReader(stderr).ReadString(0)
			_ = cmd.Wait()
			took := time.Since(begun)
			t.Logf("%s after the signal", took)
			require.Equal(t, 130, cmd.ProcessState.ExitCode(), "%s %s", output, rest)
			require.Less(t, took, 2*time.Second)
			require.Contains(t, rest, "lambdabase: interrupted\n")
			h.Reset()
			c.mustRun(t, append(buildArgs(h, "nodejs20.x"), "-o", "image.tar")...)
			require.Zero(t, h.Total(githost.Object), "the cache is as good as before")
		})
	}
}
