package test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lambdabase/internal/sample/githost"
	"lambdabase/test/fstree"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// engine is Debian's Docker Engine 20.10: an old BuildKit, on the graphdriver store.
type engine struct{ host, client string }

// startEngine starts one with a folder of its own and without a network.
func startEngine(t *testing.T, n needs) engine {
	t.Helper()
	sandbox.Require(t)
	e := engine{client: "/usr/bin/docker"} // Debian's, whatever else is in PATH
	for _, program := range []string{"/usr/sbin/dockerd", e.client} {
		if _, err := os.Stat(program); err != nil {
			require.NotEqual(t, "required", os.Getenv("LAMBDABASE_TEST"), "no %s", program)
			t.Skipf("no %s: install docker.io", program)
		}
	}
	dir, err := os.MkdirTemp("", "engine") // short: a socket's path is limited
	require.NoError(t, err)
	e.host = "unix://" + dir + "/docker.sock"
	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	cmd := exec.Command("/usr/sbin/dockerd", "--host="+e.host, "--data-root="+dir+"/data", "--exec-root="+dir+"/exec",
		"--pidfile="+dir+"/pid", "--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=overlay2")
	n.applyToEngine(t, cmd)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		log.Close()
		_ = os.RemoveAll(dir)
	})
	sandbox.Wait(t, func() bool { return exec.Command(e.client, "--host="+e.host, "version").Run() == nil }, "dockerd, see "+log.Name())
	return e
}

func (e engine) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, e.client, append([]string{"--host=" + e.host}, args...)...)
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=1", "DOCKER_CONFIG="+t.TempDir())
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestDockerEngine2010BuildsOnALambdaBase(t *testing.T) {
	e := startEngine(t, needs{})
	d := sandbox.Start(t)
	h := serveRunnable(t)
	image, _ := frontendImage(t, d)
	dir := t.TempDir()
	dockerfile := "# syntax=" + image + "\nFROM nodejs20.x AS nodejs20.x\nCOPY app.js ${LAMBDA_TASK_ROOT}/\nRUN --network=none echo ran > ran\nCMD [\"app.handler\"]\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "app.js"), []byte("x"), 0o644))

	args := append([]string{"build", "--progress=plain", "--tag=function"}, flags(h.options(""), "--build-arg=", buildArg)...)
	out, err := e.run(t, append(args, dir)...)
	require.NoError(t, err, out)

	out, err = e.run(t, "image", "inspect", "function")
	require.NoError(t, err, out)
	var inspected []struct {
		Config struct {
			Cmd, Entrypoint, Env []string
			Labels               map[string]string
			WorkingDir           string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out), &inspected))
	require.Equal(t, []string{"app.handler"}, inspected[0].Config.Cmd)
	require.Equal(t, []string{"/lambda-entrypoint.sh"}, inspected[0].Config.Entrypoint)
	require.Equal(t, "/var/task", inspected[0].Config.WorkingDir)
	require.Equal(t, "nodejs20.x", inspected[0].Config.Labels["lambdabase.runtime"])

	// The same with objects by steps of the frontend's image. This engine has no network but the host's.
	tree := e.tree(t, "function")
	h.Reset()
	out, err = e.run(t, append(args, "--network=host", "--build-arg=LAMBDABASE_OBJECTS=lfs", "--tag=by-steps", dir)...)
	require.NoError(t, err, out)
	require.NotZero(t, h.Total(githost.Batch))
	byStep := e.tree(t, "by-steps")
	require.Empty(t, fstree.Diff(tree, byStep, fstree.IgnoreMtime(func(string) bool { return true })))

	base, err := d.Tar(t, h.request("nodejs20.x"))
	require.NoError(t, err)
	for path, entry := range base {
		got, ok := tree[path]
		require.True(t, ok, path)
		require.Equal(t, []any{entry.Type, entry.Mode, entry.UID, entry.GID, entry.Size, entry.Target, entry.SHA256},
			[]any{got.Type, got.Mode, got.UID, got.GID, got.Size, got.Target, got.SHA256}, path)
	}
	require.EqualValues(t, len("ran\n"), tree["/var/task/ran"].Size)
}

// tree is the root filesystem of a container of an image.
func (e engine) tree(t *testing.T, image string) fstree.Tree {
	t.Helper()
	out, err := e.run(t, "create", "--network=none", image)
	require.NoError(t, err, out)
	file := filepath.Join(t.TempDir(), "root.tar")
	text, err := e.run(t, "export", "--output="+file, strings.TrimSpace(out))
	require.NoError(t, err, text)
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	tree, err := fstree.FromTar(f)
	require.NoError(t, err)
	return tree
}
