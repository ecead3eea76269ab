package test

import (
	"os"
	"testing"

	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// A Dockerfile asks for all that the user has and hasn't named.
func TestARunGetsNoSecretThatTheUserDidNotName(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		h := serveRunnable(t).withStoreHost(t)
		h.SetAccess(githost.Access{Accept: []string{basicAuth(canaryToken)}})
		c.setCredentialHelper(t, canaryToken)
		args := append([]string{"build", "-f", "Dockerfile", h.repositoryFlag(), "--objects=lfs", "-o", "type=local,dest=root", "--no-cache"}, where...)
		known := newCanaries()
		id := "GIT_AUTH_HEADER." + h.hostPort()
		c.writeFiles(t, map[string]string{"Dockerfile": "FROM nodejs20.x\n" +
			"RUN --mount=type=secret,id=" + id + ",target=/s cat /s > a; true\n" +
			"RUN --mount=type=secret,id=" + id + ",env=S env > b\n" +
			"RUN --mount=type=secret,id=GIT_AUTH_HEADER,target=/s --mount=type=secret,id=GIT_AUTH_TOKEN." + h.hostPort() + ",target=/u cat /s /u > c; true\n" +
			"RUN --mount=type=ssh test ! -S $SSH_AUTH_SOCK\n" +
			"RUN cp -r /run . ; env > e; cat /proc/*/environ > f; true\n"})
		s := c.run(t, append(args, "--progress=plain")...)
		require.Zero(t, s.code, s.stderr)
		known.assertNoneIn(t, "the progress", []byte(s.stderr))
		known.assertNoneBelow(t, "the image", c.file("root"), "PATH=")

		for run, want := range map[string]string{
			"--mount=type=secret,required,id=" + id:       "secret " + id + ": not found: name it with --secret id=" + id + ",env=VARIABLE (or src=FILE)",
			"--mount=type=secret,required,env=S,id=" + id: "name it with --secret id=" + id,
			"--mount=type=ssh,required":                   "name it with --ssh default",
		} {
			c.writeFiles(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nRUN " + run + " env; cat /run/secrets/*\n"})
			output := c.mustFail(t, 1, append(args, "--progress=plain")...)
			require.Contains(t, output, want)
			known.assertNoneIn(t, "the error", []byte(output))
		}
		// A private repository that the Dockerfile names is fetched with what the user names only.
		url, _ := h.URLs(h.URL)
		c.writeFiles(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nADD " + url + "#provided.al2023 /added\n"})
		require.Contains(t, c.mustFail(t, 1, args...), "could not read Username")

		// What is named is there.
		c.env = []string{"TOKEN=" + canaryToken}
		token := "GIT_AUTH_TOKEN." + h.hostPort()
		c.writeFiles(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nRUN --mount=type=secret,required,id=" + token + ",target=/s cp /s named\n"})
		c.mustRun(t, append(args, "--secret=id="+token+",env=TOKEN")...)
		got, err := os.ReadFile(c.file("root/var/task/named"))
		require.NoError(t, err)
		require.Equal(t, canaryToken, string(got))
	})
}

func TestARunGetsNoAgentThatTheUserDidNotName(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		s := serveRunnable(t).withStoreHost(t).serveSSH(t)
		s.SetAccess(githost.Access{Accept: []string{"nobody"}})
		c.env = []string{"SSH_AUTH_SOCK=" + startSSHAgent(t, s.key)}
		remote := flags(map[string]string{"repository": s.remoteOptions()[1], "known-hosts": s.remoteOptions()[3]}, "--", plainName)
		args := append(append([]string{"build", "-f", "Dockerfile", "-o", "type=local,dest=root", "--no-cache"}, remote...), where...)
		c.writeFiles(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nRUN --mount=type=ssh test ! -S $SSH_AUTH_SOCK\n"})
		c.mustRun(t, args...)

		c.writeFiles(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nRUN --mount=type=ssh,required test -S $SSH_AUTH_SOCK\n"})
		require.Contains(t, c.mustFail(t, 1, args...), "name it with --ssh default")
		c.mustRun(t, append(args, "--ssh=default")...)
	})
}

// Where a step of the frontend's image fetches the objects, that step has what git knows, and a RUN hasn't.
func TestAStepHasWhatGitKnows(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	d := sandbox.Start(t, sandbox.WithArgs("--debug"))
	image, _ := frontendImage(t, d)
	h := serveRunnable(t).withStoreHost(t)
	h.SetAccess(githost.Access{Accept: []string{basicAuth(canaryToken)}})
	c.setCredentialHelper(t, canaryToken)
	c.writeFiles(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nRUN --mount=type=secret,id=GIT_AUTH_HEADER." + h.hostPort() + ",env=S env > seen\n"})
	c.mustRun(t, "build", "-f", "Dockerfile", h.repositoryFlag(), "--objects=lfs", "--addr="+d.Addr, "--opt=source="+image,
		"--opt=requestid=lambda.runtimes")
	known := newCanaries()
	for _, mode := range []string{"min", "max"} {
		dir := c.file(mode)
		c.mustRun(t, "build", "-f", "Dockerfile", h.repositoryFlag(), "--objects=lfs", "--addr="+d.Addr, "--no-cache",
			"--opt=attest:provenance=mode="+mode, "-o", "type=oci,tar=false,dest="+dir)
		known.assertNoneBelow(t, "the image", dir, "https://slsa.dev/provenance/")
	}
	known.assertNoneIn(t, "the log of buildkitd", []byte(d.Log()))
}
