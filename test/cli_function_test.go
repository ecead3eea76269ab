package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// writeFiles puts files into the folder that the command works in.
func (c *cli) writeFiles(t testing.TB, files map[string]string) {
	t.Helper()
	for name, content := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(c.file(name)), 0o755))
		require.NoError(t, os.WriteFile(c.file(name), []byte(content), 0o644))
	}
}

func TestTheCommandBuildsADockerfile(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		h := serveRunnable(t)
		files := map[string]string{
			"app/app.mjs":                "x",
			"app/more/function.docker":   "ARG WHO\nFROM nodejs20.x AS built\nCOPY app.mjs ${LAMBDA_TASK_ROOT}/\nARG WHO\nRUN echo $WHO > who && chmod 600 who\nCMD [\"app.handler\"]\nFROM built\nRUN touch other\n",
			"app/more/copy.Dockerfile":   "FROM nodejs20.x\nCOPY . ./\n",
			"app/more/secret.Dockerfile": "FROM nodejs20.x\nRUN --mount=type=secret,id=s cp /run/secrets/s copy\n",
		}
		c.writeFiles(t, files)
		c.env = []string{"WHO=me", "S=s3cret"}
		args := append(append([]string{"build", "app", "-f", "app/more/function.docker", "--target=built", "--build-arg=WHO", "-o", "image.tar"}, h.flags()...), where...)
		c.mustRun(t, args...)
		images, err := sandbox.ReadOCI(c.file("image.tar"))
		require.NoError(t, err)
		tree, err := images[0].Tree()
		require.NoError(t, err)
		require.Equal(t, sha256Of("me\n"), tree["/var/task/who"].SHA256)
		require.EqualValues(t, 0o600, tree["/var/task/who"].Mode)
		require.NotContains(t, tree, "/var/task/other")

		d := sandbox.Start(t)
		req := h.functionRequest(t, nil, "filename", "function.docker", "target", "built", "build-arg:WHO", "me")
		req.Dirs = map[string]string{"context": c.file("app"), "dockerfile": c.file("app/more")}
		want := oneImage(t, d, req)
		require.Equal(t, configOf(t, want), configOf(t, images[0]))
		wantTree, err := want.Tree()
		require.NoError(t, err)
		require.Len(t, tree, len(wantTree))
		n := len(oneImage(t, d, h.request("nodejs20.x")).Layers)
		require.Equal(t, diffIDs(want)[:n], diffIDs(images[0])[:n], "the rest has the time at which it was made")

		args = append(append([]string{"build", "app", "-f", "app/more/copy.Dockerfile", "--build-arg=SOURCE_DATE_EPOCH=1700000000", "-o", "type=oci,dest=image.tar,rewrite-timestamp=true"}, h.flags()...), where...)
		c.mustRun(t, args...)
		req.Attrs = h.options("", "filename", "copy.Dockerfile", "build-arg:SOURCE_DATE_EPOCH", "1700000000")
		req.Export = map[string]string{"rewrite-timestamp": "true"}
		requireDigest(t, c.file("image.tar"), oneImage(t, d, req))

		c.mustRun(t, append(append([]string{"build", "app", "-f", "app/more/secret.Dockerfile", "--secret=id=s,env=S", "-o", "type=local,dest=root"}, h.flags()...), where...)...)
		text, err := os.ReadFile(c.file("root/var/task/copy"))
		require.NoError(t, err)
		require.Equal(t, "s3cret", string(text))
	})
}

func TestABaseOfADockerfileIsFetchedByTheCommand(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		h := serveUnique(t).withStoreHost(t)
		h.SetAccess(githost.Access{Accept: []string{basicAuth("t0ken")}})
		c.setCredentialHelper(t, "t0ken")
		c.writeFiles(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nCOPY Dockerfile /\n"})
		c.mustRun(t, append([]string{"build", "-f", "Dockerfile", h.repositoryFlag(), "--objects=lfs", "-o", "image.tar"}, where...)...)
		require.Equal(t, 1, h.Total(githost.Object))
		for _, r := range h.Requests() {
			if r.Kind == githost.Object {
				require.Equal(t, "lambdabase", r.Header.Get("User-Agent"))
			}
		}
	})
}

func TestADockerfileThatFailsShowsItsLine(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		h := serveRunnable(t)
		for dockerfile, want := range map[string][]string{
			"FROM nodejs20.x\nRUN exit 7\n":            {"Dockerfile:2\n", ">>> RUN exit 7", "exit code: 7"},
			"FROM nodejs20.x\nCOPY none /\n":           {"Dockerfile:2\n", ">>> COPY none /", `"/none": not found`},
			"FROM scratch\nFROM nodejs21.x\n":          {"Dockerfile:2\n", ">>> FROM nodejs21.x", "did you mean nodejs24.x"},
			"FROM scratch\nCOPPY a b\n":                {"Dockerfile:2\n", ">>> COPPY a b", "unknown instruction: COPPY (did you mean COPY?)"},
			"FROM nodejs20.x:latest\nUSER\n":           {">>> USER", "USER requires exactly one argument"},
			"FROM nodejs20.x AS a\nFROM b\nCOPY a b\n": {">>> FROM b"},
		} {
			c.writeFiles(t, map[string]string{"Dockerfile": dockerfile})
			output := c.mustFail(t, 1, append(append([]string{"build", "-f", "Dockerfile"}, h.flags()...), where...)...)
			for _, w := range want {
				require.Contains(t, output, w)
			}
		}
		require.Contains(t, c.mustFail(t, 1, append(append([]string{"build", "-f", "none"}, h.flags()...), where...)...), "open none: no such file or directory")
	})
}

func TestARunStepWithoutRuncSaysSo(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveRunnable(t)
	c.writeFiles(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nRUN true\n"})
	args := append([]string{"build", "-f", "Dockerfile"}, h.flags()...)
	cmd := inShell(c.command(t, args...), `
		for folder in $(echo "$PATH" | tr : ' ') /usr/local/sbin /usr/sbin /sbin; do
			for name in buildkit-runc runc; do
				if [ -e $folder/$name ]; then mount --bind /dev/null $folder/$name; fi
			done
		done
		exec "$0" "$@"`)
	cmd.Args, cmd.Path = append([]string{"unshare", "--mount"}, cmd.Args...), must(exec.LookPath("unshare"))
	s := runToEnd(t, cmd)
	require.Equal(t, 1, s.code)
	require.Contains(t, s.stderr, "this step runs a program, for which runc is missing: install package runc")
	require.Contains(t, s.stderr, ">>> RUN true")
}
