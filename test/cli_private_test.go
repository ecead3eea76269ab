package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// gitConfig is the configuration of the user's git.
func (c *cli) gitConfig(t testing.TB, config string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(c.home, ".gitconfig"), []byte(config), 0o600))
}

// helper gives git a credential helper that has a token, and notes what it is asked for in a file.
func (c *cli) helper(t testing.TB, token string) (asked func() string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "asked")
	c.gitConfig(t, fmt.Sprintf("[credential]\n\thelper = \"!f() { cat >> %s; echo username=x-access-token; echo password=%s; }; f\"\n", file, token))
	return func() string {
		text, err := os.ReadFile(file)
		if !os.IsNotExist(err) {
			require.NoError(t, err)
		}
		return string(text)
	}
}

func TestAPrivateRepositoryIsBuiltWithWhatGitKnows(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cli, where []string) {
		for name, access := range map[string]sample.Access{
			"GitHub": {Accept: []string{basic("t0ken")}, Missing: 404, Wrong: 404},
			"Gitea":  {Accept: []string{basic("t0ken")}, Gitea: true},
		} {
			t.Run(name, func(t *testing.T) {
				h := alone(t)
				if !access.Gitea {
					h.elsewhere(t)
				}
				h.Private(access)
				args := append(append(build(h, "nodejs20.x"), "--objects=lfs", "-o", "image.tar"), where...)
				c.gitConfig(t, "")
				c.env = []string{"TOKEN=t0ken", "WRONG=wr0ng"}
				said := c.fails(t, 1, args...)
				require.Contains(t, said, "pass a token as the secret GIT_AUTH_TOKEN")
				require.Contains(t, c.fails(t, 1, append(args, "--secret=id=GIT_AUTH_TOKEN,env=WRONG")...), "refused")

				asked := c.helper(t, "t0ken")
				h.Reset()
				c.does(t, args...)
				require.Contains(t, asked(), "protocol=http\nhost="+h.address()+"\n")
				require.Equal(t, 1, strings.Count(asked(), "host="), "once")
				requireDigest(t, c.file("image.tar"), oneImage(t, sandbox.Start(t), h.beside(t).request("nodejs20.x")))
				for _, r := range h.Requests() {
					if r.Kind == sample.Object && !access.Gitea {
						require.Empty(t, r.Header.Get("Authorization"), "a signed URL gets no credential")
					}
				}
				require.Contains(t, c.does(t, "list", h.repository()), "nodejs20.x")

				// A secret that is named goes before git's.
				c.helper(t, "other")
				c.does(t, append(args, "--no-cache", "--secret=id=GIT_AUTH_TOKEN."+h.address()+",env=TOKEN")...)
				refused := c.fails(t, 1, append(args, "--no-cache")...)
				require.Contains(t, refused, "refused")
				require.NotContains(t, refused, "other")
				require.Contains(t, c.fails(t, 1, "list", h.repository()), "the credential (from your git) was refused")
			})
		}
	})
}

// agent is an ssh-agent with a key.
func agent(t testing.TB, key string) (socket string) {
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
	onBoth(t, func(t *testing.T, c *cli, where []string) {
		s := alone(t).elsewhere(t).serveSSH(t)
		want := oneImage(t, sandbox.Start(t), s.request("nodejs20.x"))
		s.Private(sample.Access{Accept: []string{"nobody"}})
		remote := flags(map[string]string{"repository": s.remote()[1], "known-hosts": s.remote()[3]}, "--", plainName)
		args := append(append([]string{"build", "nodejs20.x", "-o", "image.tar"}, remote...), where...)
		require.Contains(t, c.fails(t, 1, args...), "forward an SSH agent: --ssh default")
		for name, how := range map[string]struct{ env, args []string }{
			"agent":  {env: []string{"SSH_AUTH_SOCK=" + agent(t, s.key)}},
			"key":    {args: []string{"--ssh=default=" + s.key}},
			"socket": {args: []string{"--ssh=default=" + agent(t, s.key)}},
		} {
			t.Run(name, func(t *testing.T) {
				c.env = how.env
				c.does(t, append(append(args, "--no-cache"), how.args...)...)
				requireDigest(t, c.file("image.tar"), want)
				require.NoError(t, os.Remove(c.file("image.tar")))
				if how.env != nil {
					require.Contains(t, c.does(t, append([]string{"list"}, remote...)...), "nodejs20.x")
				}
			})
		}
		require.Contains(t, c.fails(t, 1, append([]string{"build", "nodejs20.x", "--ssh=default=" + s.key, "--repository=" + s.remote()[1]}, where...)...), "host key of "+s.addr+" is not known")
	})
}

// The real repository's name, behind a proxy and certificates of a company's own.
func TestTheCommandKnowsProxiesAndCertificates(t *testing.T) {
	c := newCLI(t)
	g := playGitHub(t)
	d := g.daemon(t)
	c.writes(t, map[string]string{"ca.pem": string(g.ca), "no.pem": "certificate"})
	c.env = []string{"HTTPS_PROXY=" + g.through}
	want := oneImage(t, sandbox.Start(t), g.request("nodejs20.x"))
	args := []string{"build", "nodejs20.x", "--addr=" + d.Addr, "--objects=lfs", "-o", "image.tar"}
	const advice = "pass that as the secret LAMBDABASE_CA (--secret id=LAMBDABASE_CA,src=ca.pem)"
	require.Contains(t, c.fails(t, 1, args...), advice)
	require.Contains(t, c.fails(t, 2, append(args, "--secret=id=LAMBDABASE_CA,src=no.pem")...), "secret LAMBDABASE_CA: it holds no certificate in PEM")
	trust := "--secret=id=LAMBDABASE_CA,src=ca.pem"
	c.does(t, append(args, trust)...)
	requireDigest(t, c.file("image.tar"), want)
	require.Contains(t, c.does(t, "list", trust), "nodejs20.x")

	// What the media host refuses, the command asks the batch API for.
	d.Prune(t)
	require.NoError(t, os.RemoveAll(c.root))
	g.Reset()
	g.refuses.Store(404)
	s := c.run(t, "build", "nodejs20.x", "--addr="+d.Addr, "-o", "image.tar", trust)
	require.Zero(t, s.code, s.stderr)
	require.Contains(t, s.stderr, "\nwarning: "+mediaHost+" answers with status 404: objects are asked for by the LFS batch API\n")
	require.Len(t, g.asked(sample.Batch), 6)
	requireDigest(t, c.file("image.tar"), want)
}
