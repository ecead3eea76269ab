package test

import (
	"os"
	"strings"
	"testing"

	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

func TestTheCommandReadsTheSyntaxLine(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		h := serveUnique(t)
		h.SetAccess(githost.Access{Accept: []string{basicAuth("t0ken")}})
		c.setCredentialHelper(t, "t0ken")
		repository, objects := h.URLs(h.URL)
		c.writeFiles(t, map[string]string{
			"Dockerfile": "# syntax=reg.example/lambda-frontend:1 repository=" + repository + " objects=lfs layers=chain\nFROM nodejs20.x\nCOPY Dockerfile /\n",
			"bad":        "# syntax=x nonsense=1 layers=chain ecr=snapshot\nFROM nodejs20.x\n",
			"docker":     "# syntax=docker/dockerfile:1\nFROM scratch\nCOPY docker /\n",
		})
		args := append([]string{"build", "--progress=plain", "-o", "image.tar"}, where...)
		s := c.run(t, append(args, "-f", "Dockerfile")...)
		require.Zero(t, s.code, s.stderr)
		require.Equal(t, 1, h.Total(githost.Object))
		require.NotContains(t, s.stderr, "merge ")
		require.NotContains(t, s.stderr, "not run")

		h.Reset()
		output := c.mustFail(t, 1, append(args, "-f", "bad")...)
		require.Contains(t, output, "bad:1\n")
		require.Contains(t, output, ">>> # syntax=x nonsense=1 layers=chain ecr=snapshot\n")
		require.Contains(t, output, `lambdabase: bad:1: unknown key "nonsense" in the syntax line, want one of runtime`)
		require.Empty(t, h.Requests())

		s = c.run(t, append(args, "-f", "docker")...)
		require.Zero(t, s.code, s.stderr)
		require.Contains(t, s.stderr, "warning: the syntax line names docker/dockerfile:1, which is not run: lambdabase builds this itself (docker:1)\n")

		s = c.run(t, append(args, "-f", "docker", "--build-arg=BUILDKIT_SYNTAX=reg.example/lambda-frontend runtime=nodejs20.x", "--repository="+repository, "--objects="+objects)...)
		require.Zero(t, s.code, s.stderr)
		images, err := sandbox.ReadOCI(c.file("image.tar"))
		require.NoError(t, err)
		require.Equal(t, "nodejs20.x", imageConfig(t, images[0]).Config.Labels["lambdabase.runtime"])
	})
}

func TestADockerfileComesFromTheStandardInput(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		c.writeFiles(t, map[string]string{"app/file": "x", "app/Dockerfile": "no Dockerfile", "app/.dockerignore": "other\n", "app/other": "y"})
		cmd := c.command(t, append([]string{"build", "-f", "-", "app", "-o", "type=local,dest=root"}, where...)...)
		cmd.Stdin = strings.NewReader("FROM scratch\nCOPY . /\n")
		s := runToEnd(t, cmd)
		require.Zero(t, s.code, s.stderr)
		text, err := os.ReadFile(c.file("root/file"))
		require.NoError(t, err)
		require.Equal(t, "x", string(text))
		require.NoFileExists(t, c.file("root/other"))

		cmd = c.command(t, append([]string{"build", "-f", "-", "app"}, where...)...)
		cmd.Stdin = strings.NewReader("FROM scratch\nCOPPY . /\n")
		s = runToEnd(t, cmd)
		require.Equal(t, 1, s.code)
		require.Contains(t, s.stderr, "Dockerfile:2\n")
		require.Contains(t, s.stderr, ">>> COPPY . /")
	})
}

func TestAnImageThatADaemonDoesntKeepIsRefused(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	h.Reset()
	output := c.mustFail(t, 2, append(buildArgs(h, "nodejs20.x"), "-o", "type=image,name=a", "--addr="+sandbox.Start(t).Addr)...)
	require.Contains(t, output, "type=image is kept nowhere: BuildKit at unix://")
	require.Empty(t, h.Requests())
}

func TestAFolderThatIsNoRuntimeIsSaid(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	c.writeFiles(t, map[string]string{"app/Dockerfile": "FROM scratch\n"})
	output := c.mustFail(t, 1, buildArgs(h, "app")...)
	require.Contains(t, output, "lambdabase: no runtime app: ")
	require.Contains(t, output, "; app is a folder here: to build its Dockerfile, type lambdabase build -f app/Dockerfile app\n")
}
