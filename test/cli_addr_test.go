package test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lambdabase/frontend/subrequests/plan"
	"lambdabase/internal/sample"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

func TestTheCommandBuildsOnADaemon(t *testing.T) {
	c := newCLI(t)
	d := sandbox.Start(t)
	h := upstream(t, "nodejs20.x", "python3.12")
	args := append(build(h, "nodejs20.x", "python3.12"), "--addr="+d.Addr, "-o", "{runtime}.tar")
	for range 2 {
		c.does(t, args...)
		for _, runtime := range []string{"nodejs20.x", "python3.12"} {
			requireDigest(t, c.file(runtime+".tar"), oneImage(t, d, h.request(runtime)))
		}
	}
	require.NoDirExists(t, filepath.Join(c.root, "buildkit"), "the one inside isn't used")
	require.Contains(t, c.does(t, append(append([]string{"plan", "nodejs20.x"}, h.flags()...), "--addr="+d.Addr)...), "to fetch    6 objects")
	require.Contains(t, c.does(t, "du", "--addr="+d.Addr), "unpack ")
	require.Contains(t, c.does(t, "prune", "--all", "--addr="+d.Addr), "freed ")
	require.NotContains(t, c.does(t, "du", "--addr="+d.Addr), "unpack ")

	c.env = []string{"BUILDKIT_HOST=unix:///nowhere"}
	for _, args := range [][]string{build(h, "nodejs20.x"), {"du"}, {"prune"}} {
		require.Contains(t, c.fails(t, 1, args...), "lambdabase: BuildKit at unix:///nowhere doesn't answer: ")
	}
}

// onBoth runs a test on the BuildKit inside, and on a daemon that is one of the test's own.
func onBoth(t *testing.T, test func(t *testing.T, c *cli, where []string)) {
	t.Run("inside", func(t *testing.T) { test(t, newCLI(t), nil) })
	t.Run("daemon", func(t *testing.T) { test(t, newCLI(t), []string{"--addr=" + sandbox.Start(t).Addr}) })
}

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

func TestLFSObjectsComeThroughTheCommand(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cli, where []string) {
		h := upstream(t, "nodejs20.x", "python3.12")
		asked := c.helper(t, "t0ken")
		want := oneImage(t, sandbox.Start(t), h.request("nodejs20.x"))
		h.Reset()
		args := append(append(build(h, "nodejs20.x"), "--objects=lfs", "-o", "image.tar"), where...)
		c.does(t, args...)
		requireDigest(t, c.file("image.tar"), want)
		require.Len(t, h.Counts(), 6)
		for _, r := range h.Requests() {
			if r.Kind == sample.Batch || r.Kind == sample.Object {
				require.Equal(t, "lambdabase", r.Header.Get("User-Agent"), "not by the daemon")
			}
			require.Empty(t, r.Header.Get("Authorization"))
		}
		require.Empty(t, asked(), "a public repository needs no credential")

		h.Reset()
		c.does(t, args...)
		require.Zero(t, h.Total(sample.Object)+h.Total(sample.Batch), "nothing is fetched where the cache has what comes of it")
		require.NoError(t, os.RemoveAll(filepath.Join(c.root, "objects")))
		c.does(t, args...)
		require.Zero(t, h.Total(sample.Object)+h.Total(sample.Batch), "not even if the objects are gone")

		require.Contains(t, c.does(t, "prune", "--all"), "freed ")
		c.does(t, append(args, "--no-cache")...)
		require.Len(t, h.Counts(), 6)
		require.NotContains(t, c.does(t, append(build(h, "nodejs20.x", "python3.12"), where...)...), "error")
	})
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
				c.env = []string{"TOKEN=t0ken", "WRONG=wr0ng"}
				c.helper(t, "other")
				c.does(t, append(args, "--no-cache", "--secret=id=GIT_AUTH_TOKEN."+h.address()+",env=TOKEN")...)
				refused := c.fails(t, 1, append(args, "--no-cache")...)
				require.Contains(t, refused, "refused")
				require.NotContains(t, refused, "other")
			})
		}
	})
}

func TestAnObjectThatCannotBeHadIsNamed(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cli, where []string) {
		h := upstream(t, "nodejs20.x")
		layers := c.plan(t, h).Platforms[0].Layers
		fault := sample.BatchFault{Error: &sample.BatchError{Code: 404, Message: "Object does not exist"}}
		h.Inject(sample.Target{Kind: sample.Batch, OID: layers[2].OID}, sample.Fault{Batch: fault})
		args := append(append(build(h, "nodejs20.x"), "--objects=lfs"), where...)
		said := c.fails(t, 1, args...)
		require.Contains(t, said, fmt.Sprintf("\nlambdabase: fetch %s (object sha256:%s, 36.36kB): not found (404 from %s/aws/aws-lambda-base-images.git/info/lfs/objects/batch): \"Object does not exist\"",
			layers[2].File, layers[2].OID, h.url))

		h.Inject(sample.Target{Kind: sample.Batch}, sample.Message(403, "no such thing"))
		require.NoError(t, os.RemoveAll(filepath.Join(c.root, "objects")))
		said = c.fails(t, 1, append(args, "--no-cache")...)
		require.Contains(t, said, "\nlambdabase: 6 objects failed: forbidden (403 from ")
		require.Contains(t, said, "\n- "+layers[5].File+" (object sha256:"+layers[5].OID)
		h.Heal()
		c.does(t, args...)
	})
}

// plan is what the command says of a runtime of the host.
func (c *cli) plan(t testing.TB, h *host) (p plan.Plan) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(c.does(t, append([]string{"plan", "nodejs20.x", "--json"}, h.flags()...)...)), &p))
	return p
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
	require.Eventually(t, func() bool { _, err := os.Stat(socket); return err == nil }, 5e9, 1e7)
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

func TestAnOlderDaemonFetchesLFSObjectsByAStep(t *testing.T) {
	versions := strings.Fields(os.Getenv(oldDaemons))
	if len(versions) == 0 {
		t.Skipf("no versions in %s: make test-full builds them", oldDaemons)
	}
	now := sandbox.Start(t)
	image, _ := frontendImage(t, now)
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			c := newCLI(t)
			h := upstream(t, "go1.x")
			d := sandbox.Start(t, sandbox.WithBinary(sandbox.Tool(t, "buildkitd-"+version)))
			args := append(build(h, "go1.x"), "--addr="+d.Addr, "--objects=lfs", "-o", "image.tar")
			require.Contains(t, c.fails(t, 1, args...), "name the image as option source")
			c.does(t, append(args, "--opt=source="+image)...)
			require.NotZero(t, h.Total(sample.Batch))
			images, err := sandbox.ReadOCI(c.file("image.tar"))
			require.NoError(t, err)
			require.Equal(t, diffIDs(oneImage(t, now, h.request("go1.x"))), diffIDs(images[0]))
			c.does(t, append(build(h, "go1.x"), "--addr="+d.Addr, "-o", "image.tar")...)
		})
	}
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
	require.Contains(t, s.stderr, mediaHost+" answers with status 404: objects are asked for by the LFS batch API")
	require.Len(t, g.asked(sample.Batch), 6)
	requireDigest(t, c.file("image.tar"), want)
}
