package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// setGitConfig is the configuration of the user's git.
func (c *cli) setGitConfig(t testing.TB, config string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(c.home, ".gitconfig"), []byte(config), 0o600))
}

// setCredentialHelper gives git a credential helper that has a token, and notes what it is asked for in a file.
func (c *cli) setCredentialHelper(t testing.TB, token string) (asked func() string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "asked")
	c.setGitConfig(t, fmt.Sprintf("[credential]\n\thelper = \"!f() { cat >> %s; echo username=x-access-token; echo password=%s; }; f\"\n", file, token))
	return func() string {
		text, err := os.ReadFile(file)
		if !os.IsNotExist(err) {
			require.NoError(t, err)
		}
		return string(text)
	}
}

func TestAPrivateRepositoryIsBuiltWithWhatGitKnows(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		for name, access := range map[string]githost.Access{
			"GitHub": {Accept: []string{basicAuth("t0ken")}, Missing: 404, Wrong: 404},
			"Gitea":  {Accept: []string{basicAuth("t0ken")}, Gitea: true},
		} {
			t.Run(name, func(t *testing.T) {
				h := serveUnique(t)
				if !access.Gitea {
					h.withStoreHost(t)
				}
				h.SetAccess(access)
				args := append(append(buildArgs(h, "nodejs20.x"), "--objects=lfs", "-o", "image.tar"), where...)
				c.setGitConfig(t, "")
				c.env = []string{"TOKEN=t0ken", "WRONG=wr0ng"}
				output := c.mustFail(t, 1, args...)
				require.Contains(t, output, "pass a token as the secret GIT_AUTH_TOKEN")
				require.Contains(t, c.mustFail(t, 1, append(args, "--secret=id=GIT_AUTH_TOKEN,env=WRONG")...), "refused")

				asked := c.setCredentialHelper(t, "t0ken")
				h.Reset()
				c.mustRun(t, args...)
				require.Contains(t, asked(), "protocol=http\nhost="+h.hostPort()+"\n")
				require.Equal(t, 1, strings.Count(asked(), "host="), "once")
				requireDigest(t, c.file("image.tar"), oneImage(t, sandbox.Start(t), h.secondServer(t).request("nodejs20.x")))
				for _, r := range h.Requests() {
					if r.Kind == githost.Object && !access.Gitea {
						require.Empty(t, r.Header.Get("Authorization"), "a signed URL gets no credential")
					}
				}
				require.Contains(t, c.mustRun(t, "list", h.repositoryFlag()), "nodejs20.x")

				// A secret that is named goes before git's.
				c.setCredentialHelper(t, "other")
				c.mustRun(t, append(args, "--no-cache", "--secret=id=GIT_AUTH_TOKEN."+h.hostPort()+",env=TOKEN")...)
				refused := c.mustFail(t, 1, append(args, "--no-cache")...)
				require.Contains(t, refused, "refused")
				require.NotContains(t, refused, "other")
				require.Contains(t, c.mustFail(t, 1, "list", h.repositoryFlag()), "the credential (from your git) was refused")
			})
		}
	})
}

// startSSHAgent is an ssh-agent with a key.
func startSSHAgent(t testing.TB, key string) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // short: a socket's path is limited
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "socket")
	cmd := exec.Command("ssh-agent", "-D", "-a", socket)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	add := exec.Command("ssh-add", key)
	add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
	sandbox.Wait(t, func() bool { _, err := os.Stat(socket); return err == nil }, "socket of ssh-agent")
	out, err := add.CombinedOutput()
	require.NoError(t, err, string(out))
	return socket
}

func TestAnSSHRepositoryIsBuiltWithTheUsersAgent(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		s := serveUnique(t).withStoreHost(t).serveSSH(t)
		want := oneImage(t, sandbox.Start(t), s.request("nodejs20.x"))
		s.SetAccess(githost.Access{Accept: []string{"nobody"}})
		remote := flags(map[string]string{"repository": s.remoteOptions()[1], "known-hosts": s.remoteOptions()[3]}, "--", plainName)
		args := append(append([]string{"build", "nodejs20.x", "-o", "image.tar"}, remote...), where...)
		require.Contains(t, c.mustFail(t, 1, args...), "forward an SSH agent: --ssh default")
		for name, how := range map[string]struct{ env, args []string }{
			"agent":  {env: []string{"SSH_AUTH_SOCK=" + startSSHAgent(t, s.key)}},
			"key":    {args: []string{"--ssh=default=" + s.key}},
			"socket": {args: []string{"--ssh=default=" + startSSHAgent(t, s.key)}},
		} {
			t.Run(name, func(t *testing.T) {
				c.env = how.env
				c.mustRun(t, append(append(args, "--no-cache"), how.args...)...)
				requireDigest(t, c.file("image.tar"), want)
				require.NoError(t, os.Remove(c.file("image.tar")))
				if how.env != nil {
					require.Contains(t, c.mustRun(t, append([]string{"list"}, remote...)...), "nodejs20.x")
				}
			})
		}
		require.Contains(t, c.mustFail(t, 1, append([]string{"build", "nodejs20.x", "--ssh=default=" + s.key, "--repository=" + s.remoteOptions()[1]}, where...)...), "host key of "+s.addr+" is not known")
	})
}

// The real repository's name, behind a proxy and certificates of a company's own.
func TestTheCommandKnowsProxiesAndCertificates(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	g := startGitHub(t)
	d := g.daemon(t)
	c.writeFiles(t, map[string]string{"ca.pem": string(g.ca), "no.pem": "certificate"})
	c.env = []string{"HTTPS_PROXY=" + g.through}
	want := oneImage(t, sandbox.Start(t), g.request("nodejs20.x"))
	args := []string{"build", "nodejs20.x", "--addr=" + d.Addr, "--objects=lfs", "-o", "image.tar"}
	const advice = "pass that as the secret LAMBDABASE_CA (--secret id=LAMBDABASE_CA,src=ca.pem)"
	require.Contains(t, c.mustFail(t, 1, args...), advice)
	require.Contains(t, c.mustFail(t, 2, append(args, "--secret=id=LAMBDABASE_CA,src=no.pem")...), "secret LAMBDABASE_CA: it holds no certificate in PEM")
	trust := "--secret=id=LAMBDABASE_CA,src=ca.pem"
	c.mustRun(t, append(args, trust)...)
	requireDigest(t, c.file("image.tar"), want)
	require.Contains(t, c.mustRun(t, "list", trust), "nodejs20.x")

	// What the media host refuses, the command asks the batch API for.
	d.Prune(t)
	require.NoError(t, os.RemoveAll(c.root))
	g.Reset()
	g.refuses.Store(404)
	s := c.run(t, "build", "nodejs20.x", "--addr="+d.Addr, "-o", "image.tar", trust)
	require.Zero(t, s.code, s.stderr)
	require.Contains(t, s.stderr, "\nwarning: "+mediaHost+" answers with status 404: objects are asked for by the LFS batch API\n")
	require.Len(t, g.requestHosts(githost.Batch), 1, "one request for all")
	requireDigest(t, c.file("image.tar"), want)
}
