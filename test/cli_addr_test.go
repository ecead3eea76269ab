package test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"lambdabase/internal/document"
	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

func TestTheCommandBuildsOnADaemon(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x", "python3.12")
	args := append(buildArgs(h, "nodejs20.x", "python3.12"), "--addr="+d.Addr, "-o", "{runtime}.tar")
	for range 2 {
		c.mustRun(t, args...)
		for _, runtime := range []string{"nodejs20.x", "python3.12"} {
			requireDigest(t, c.file(runtime+".tar"), oneImage(t, d, h.request(runtime)))
		}
	}
	require.NoDirExists(t, filepath.Join(c.root, "buildkit"), "the one inside isn't used")
	require.Contains(t, c.mustRun(t, append(append([]string{"plan", "nodejs20.x"}, h.flags()...), "--addr="+d.Addr)...), "to fetch    6 objects")
	require.Contains(t, c.mustRun(t, "du", "--addr="+d.Addr), "unpack ")
	require.Contains(t, c.mustRun(t, "prune", "--all", "--addr="+d.Addr), "freed ")
	require.NotContains(t, c.mustRun(t, "du", "--addr="+d.Addr), "unpack ")

	c.env = []string{"BUILDKIT_HOST=unix:///nowhere"}
	for _, args := range [][]string{buildArgs(h, "nodejs20.x"), {"du"}, {"prune"}} {
		require.Contains(t, c.mustFail(t, 1, args...), "lambdabase: BuildKit at unix:///nowhere doesn't answer: ")
	}
}

// onEachBackend runs a test on the BuildKit inside, and on a daemon that is one of the test's own.
func onEachBackend(t *testing.T, test func(t *testing.T, c *cli, where []string)) {
	t.Run("inside", func(t *testing.T) { test(t, newCLI(t), nil) })
	t.Run("daemon", func(t *testing.T) { test(t, newCLI(t), []string{"--addr=" + sandbox.Start(t).Addr}) })
}

func TestLFSObjectsComeThroughTheCommand(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		h := serveUpstream(t, "nodejs20.x", "python3.12")
		asked := c.setCredentialHelper(t, "t0ken")
		want := oneImage(t, sandbox.Start(t), h.request("nodejs20.x"))
		h.Reset()
		args := append(append(buildArgs(h, "nodejs20.x"), "--objects=lfs", "-o", "image.tar"), where...)
		c.mustRun(t, args...)
		requireDigest(t, c.file("image.tar"), want)
		require.Len(t, h.Counts(), 6)
		require.Equal(t, 1, h.Total(githost.Batch), "the first object that is read is asked for with those that will be")
		for _, r := range h.Requests() {
			if r.Kind == githost.Batch || r.Kind == githost.Object {
				require.Equal(t, "lambdabase", r.Header.Get("User-Agent"), "not by the daemon")
			}
			require.Empty(t, r.Header.Get("Authorization"))
		}
		require.Empty(t, asked(), "a public repository needs no credential")

		h.Reset()
		c.mustRun(t, args...)
		require.Zero(t, h.Total(githost.Object)+h.Total(githost.Batch), "nothing is fetched where the cache has what comes of it")
		require.NoError(t, os.RemoveAll(filepath.Join(c.root, "objects")))
		c.mustRun(t, args...)
		require.Zero(t, h.Total(githost.Object)+h.Total(githost.Batch), "not even if the objects are gone")

		require.Contains(t, c.mustRun(t, "prune", "--all"), "freed ")
		c.mustRun(t, append(args, "--no-cache")...)
		require.Len(t, h.Counts(), 6)
		require.NotContains(t, c.mustRun(t, append(buildArgs(h, "nodejs20.x", "python3.12"), where...)...), "error")
	})
}

func TestAnObjectThatCannotBeHadIsNamed(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		h := serveUpstream(t, "nodejs20.x")
		layers := c.plan(t, h).Platforms[0].Layers
		fault := faults.BatchFault{Error: &githost.BatchError{Code: 404, Message: "Object does not exist"}}
		h.Inject(faults.Target{Kind: githost.Batch, OID: layers[2].OID}, faults.Fault{Batch: fault})
		args := append(append(buildArgs(h, "nodejs20.x"), "--objects=lfs"), where...)
		output := c.mustFail(t, 1, args...)
		require.Contains(t, output, fmt.Sprintf("\nlambdabase: fetch %s (object sha256:%s, 36.36kB): not found (404 from %s/aws/aws-lambda-base-images.git/info/lfs/objects/batch): \"Object does not exist\"",
			layers[2].Path, layers[2].OID, h.URL))

		h.Inject(faults.Target{Kind: githost.Batch}, faults.Message(403, "no such thing"))
		require.NoError(t, os.RemoveAll(filepath.Join(c.root, "objects")))
		output = c.mustFail(t, 1, append(args, "--no-cache")...)
		require.Contains(t, output, "\nlambdabase: 6 objects failed: forbidden (403 from ")
		require.Contains(t, output, "\n- "+layers[5].Path+" (object sha256:"+layers[5].OID)
		h.ClearFaults()
		c.mustRun(t, args...)
	})
}

// plan is what the command says of a runtime of the host.
func (c *cli) plan(t testing.TB, h *repoServer) (p document.Snapshot) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(c.mustRun(t, append([]string{"plan", "nodejs20.x", "--json"}, h.flags()...)...)), &p))
	return p
}

// What the user's git knows is mounted into the step under the same id in each run: the id is in the step's cache key.
func TestOlderDaemonsRunAStepOfAPrivateRepositoryOnce(t *testing.T) {
	onOldDaemons(t, func(t *testing.T, start func(...sandbox.Option) *sandbox.Daemon) {
		c, d := newCLI(t), start()
		image, _ := frontendImage(t, sandbox.Start(t))
		h := serveUnique(t).withStoreHost(t)
		h.SetAccess(githost.Access{Accept: []string{basicAuth("t0ken")}})
		c.setCredentialHelper(t, "t0ken")
		args := func(d *sandbox.Daemon, more ...string) []string {
			return append([]string{"build", "nodejs20.x", h.repositoryFlag(), "--objects=lfs", "--addr=" + d.Addr, "--opt=source=" + image, "--progress=plain"}, more...)
		}
		c.mustRun(t, args(d)...)
		require.NotZero(t, h.Total(githost.Batch))
		cache := "type=registry,ref=" + sandbox.Registry(t) + "/cache"
		s := c.run(t, args(d, "--cache-to="+cache+",mode=max")...)
		require.Zero(t, s.code, s.stderr)
		require.Regexp(t, `#(\d+) fetch [0-9a-f]{12}[^\n]*\n#\d+ CACHED`, s.stderr)
		h.Reset()
		c.mustRun(t, args(start(), "--cache-from="+cache)...)
		require.Zero(t, h.Total(githost.Batch)+h.Total(githost.Object), "what is imported isn't fetched")
	})
}
