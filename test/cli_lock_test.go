package test

import (
	"os"
	"strings"
	"testing"

	"lambdabase/internal/document"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

func TestTheCommandLocksUpdatesAndChecks(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x", "python3.12")
	first := must(h.Commit("nodejs20.x"))
	require.Contains(t, c.mustRun(t, append([]string{"lock", "nodejs20.x", "python3.12"}, h.flags()...)...), "nodejs20.x is locked to "+first[:12])
	require.Zero(t, h.Total(githost.Object)+h.Total(githost.Batch), "no object is fetched for it")
	require.Contains(t, c.mustRun(t, "lock", "--check"), "nodejs20.x: "+first[:12]+" (2024-10-14), no change\n")
	want := oneImage(t, sandbox.Start(t), h.request("nodejs20.x"))

	h.publish(t, "nodejs20.x")
	moved := c.run(t, "lock", "--check")
	require.Equal(t, 1, moved.code)
	require.Contains(t, moved.stdout, "nodejs20.x: "+first[:12]+" (2024-10-14) -> "+must(h.Commit("nodejs20.x"))[:12])
	require.Contains(t, moved.stdout, "python3.12: ")

	_, objects := h.URLs(h.URL)
	h.Reset()
	s := c.run(t, "build", "nodejs20.x", "--objects="+objects, "-o", "image.tar")
	require.Zero(t, s.code, s.stderr)
	require.Contains(t, s.stderr, "obey lambda.lock.json: nodejs20.x is commit "+first)
	requireDigest(t, c.file("image.tar"), want)
	require.Zero(t, h.Total(githost.Git))
	h.Reset()
	c.mustRun(t, "build", "nodejs20.x", "--objects="+objects, "-o", "image.tar")
	require.Empty(t, h.Requests(), "a locked warm build asks nobody")
	require.Contains(t, c.mustRun(t, "plan", "nodejs20.x", "--json"), first)
	inspected := c.mustRun(t, "inspect", "nodejs20.x", "--objects="+objects)
	require.Contains(t, inspected, first)
	require.Equal(t, strings.TrimRight(inspected, "\n")+"\n", inspected)
	require.Zero(t, h.Total(githost.Git), "they obey it too")
	c.mustRun(t, append(buildArgs(h, "nodejs20.x"), "--lock=none", "-o", "image.tar")...)
	require.NotZero(t, h.Total(githost.Git))

	c.mustRun(t, append(buildArgs(h, "nodejs20.x"), "--lock=", "-o", "image.tar")...)
	requireDigest(t, c.file("image.tar"), want)

	require.Contains(t, c.mustFail(t, 1, "lock", "nodejs20.x"), "lambda.lock.json locks python3.12 too: name them all, or change some with --update")
	require.Contains(t, c.mustFail(t, 1, "lock", "nodejs20"), "lambda.lock.json locks nodejs20.x, python3.12 too: name them all, or change some with --update (did you mean nodejs20.x by nodejs20?)")
	out := c.mustRun(t, "lock", "--update", "nodejs20.x")
	require.Contains(t, out, "  + ")
	require.Contains(t, out, " objects to fetch, ")
	diff := c.mustRun(t, "diff", "lambda.lock.json", "lambda.lock.json", "--objects="+objects)
	require.Contains(t, diff, "- lambda.lock.json: nodejs20.x (commit ")
	require.Contains(t, diff, "+ lambda.lock.json: python3.12 (commit ")
	require.NotContains(t, out, "python3.12", "which wasn't named")
	require.Contains(t, c.mustRun(t, "lock", "--check"), "python3.12: ")
	require.Contains(t, c.mustFail(t, 1, "lock", "--update", "go1.x"), "no runtime go1.x: "+h.URL, "one that is added is of the file's repository")
	require.Contains(t, c.mustFail(t, 2, "lock", "go1.x", "-o", "-"), "--output names a file")
	require.Contains(t, c.mustFail(t, 2, "diff", "nodejs20.x", "none.tar"), "there is no file none.tar")
}

func TestTheCommandSaysWhatIsWrongWithALock(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x", "python3.12")
	c.mustRun(t, append([]string{"lock", "nodejs20.x", "-o", "locks.json", "--platform=linux/amd64"}, h.flags()...)...)
	first := must(h.Commit("nodejs20.x"))
	text := string(must(os.ReadFile(c.file("locks.json"))))
	require.NotContains(t, text, "arm64")
	oid := must(document.ParseLock("", []byte(text))).Snapshots[0].Platforms[0].Layers[0].OID
	require.NoError(t, os.WriteFile(c.file("lied.json"), []byte(strings.Replace(text, oid, strings.Repeat("0", 64), 1)), 0o644))

	require.Contains(t, c.mustFail(t, 1, append(buildArgs(h, "python3.12"), "--lock=locks.json")...), "locks.json has no runtime python3.12, it has nodejs20.x")
	require.Contains(t, c.mustFail(t, 1, append(buildArgs(h, "nodejs20.x"), "--lock=gone.json")...), "there is no lock file gone.json: write it with lambdabase lock RUNTIME... -o gone.json")
	require.Contains(t, c.mustFail(t, 1, append(buildArgs(h, "nodejs20.x"), "--lock=locks.json", "--platform=linux/arm64")...), "locks.json has no platform linux/arm64")
	lied := c.run(t, "lock", "--check", "-o", "lied.json")
	require.Equal(t, 1, lied.code)
	require.Contains(t, lied.stdout, "nodejs20.x: platforms[0].layers[0] isn't what commit "+must(h.Commit("nodejs20.x"))[:12]+" says")

	h.publish(t, "nodejs20.x")
	later := must(h.Commit("nodejs20.x"))[:12]
	lied = c.run(t, "lock", "--check", "-o", "lied.json")
	require.Equal(t, 1, lied.code)
	require.Contains(t, lied.stdout, " -> "+later)
	require.Contains(t, lied.stdout, "nodejs20.x: platforms[0].layers[0] isn't what commit "+first[:12]+" says", "though the branch has moved on")
	require.NoError(t, h.CollectGarbage())
	fresh := newCLI(t)
	fresh.dir = c.dir
	gone := fresh.run(t, "lock", "--check", "-o", "locks.json")
	require.Equal(t, 1, gone.code)
	require.Contains(t, gone.stdout, " -> "+later)
	require.Contains(t, gone.stdout, "nodejs20.x: commit "+first[:12]+" is gone from the repository")

	c.writeFiles(t, map[string]string{"empty.json": `{"version":1,"snapshots":[]}`})
	require.Contains(t, c.mustFail(t, 1, "lock", "--check", "-o", "empty.json"), "empty.json locks no runtime: name those to lock (lambdabase lock RUNTIME...), or restore the file")
	require.Contains(t, c.mustFail(t, 1, "lock", "--check", "go1.x", "-o", "empty.json"), "empty.json locks no runtime: add it with lambdabase lock --update go1.x, or restore the file")
	require.Contains(t, c.mustFail(t, 1, append(buildArgs(h, "nodejs20.x"), "--lock=empty.json")...), "empty.json locks no runtime: add this one (lambdabase lock --update nodejs20.x), restore the file, or give lock=none")
	require.Contains(t, c.mustFail(t, 2, "diff", "empty.json", "nodejs20.x"), "empty.json locks no runtime: add it")
	require.NoError(t, os.Remove(c.file("empty.json")))

	require.Contains(t, c.mustFail(t, 1, append([]string{"lock", "nodejs20.x", "-o", "none/a.json"}, h.flags()...)...), "output none/a.json: there is no folder none: make it, or name another place\n")
	require.Contains(t, c.mustFail(t, 2, "lock"), "name a runtime, or give --update or --check")
	require.Contains(t, c.mustFail(t, 2, "lock", "--update", "--check"), "give one of them")
	require.Contains(t, c.mustFail(t, 1, "lock", "--check"), "there is no lock file lambda.lock.json")
	require.Contains(t, c.mustFail(t, 1, "lock", "--check", "-o", "locks.json", "go1.x"), "locks.json has no runtime go1.x")
	files := must(os.ReadDir(c.dir))
	require.Len(t, files, 2, "nothing else is written")
}

// What the user's git knows is for the repository that a lock names, too.
func TestTheCommandLocksWhatIsPrivate(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUnique(t).withStoreHost(t)
	h.SetAccess(canaryAccess)
	c.setGitConfig(t, "[http \"http://"+h.hostPort()+"/\"]\n\textraheader = AUTHORIZATION: Bearer "+canaryHeader+"\n")
	c.mustRun(t, "lock", "nodejs20.x", h.repositoryFlag())
	require.Contains(t, c.mustRun(t, "lock", "--check"), ", no change")
	c.mustRun(t, "lock", "--update")
	require.Contains(t, c.mustRun(t, "diff", "lambda.lock.json", "nodejs20.x"), "no difference", "a runtime is of the lock's repository")
	c.mustRun(t, "build", "nodejs20.x", "--objects=lfs", "-o", "image.tar")
	require.NotContains(t, h.authorizations(githost.Batch), "")

	c.setGitConfig(t, "")
	h.Reset()
	token := c.file("token")
	require.NoError(t, os.WriteFile(token, []byte(canaryToken), 0o600))
	for _, args := range [][]string{{"lock", "--check"}, {"build", "nodejs20.x", "--objects=lfs", "--no-cache"}} {
		c.mustFail(t, 1, append(args, "--secret=id=GIT_AUTH_TOKEN,src="+token)...)
		for _, kind := range []githost.Kind{githost.Git, githost.Batch} {
			require.NotContains(t, strings.Join(h.authorizations(kind), " "), "Basic", "a lock must not say where a secret goes that names no host")
		}
		c.mustRun(t, append(args, "--secret=id=GIT_AUTH_TOKEN."+h.hostPort()+",src="+token)...)
		h.Reset()
	}

	c.setGitConfig(t, "[http \"http://"+h.hostPort()+"/\"]\n\textraheader = AUTHORIZATION: Bearer "+canaryHeader+"\n")
	c.writeFiles(t, map[string]string{"Dockerfile": "FROM nodejs20.x\n"})
	c.mustRun(t, "build", "-f", "Dockerfile", ".", "--objects=lfs", "--no-cache", "-o", "function.tar")
	h.Reset()
	repository, _ := h.URLs(h.URL)
	c.mustRun(t, "build", "-f", "Dockerfile", ".", "--objects=lfs", "--build-arg=LAMBDABASE_REPOSITORY="+repository, "-o", "function.tar")
	require.Zero(t, h.Total(githost.Git), "the lock is obeyed whoever names the repository")
	require.Contains(t, c.mustFail(t, 1, "build", "-f", "Dockerfile", ".", "--build-arg=LAMBDABASE_LOCK=none"), "https://github.com/aws/aws-lambda-base-images.git")
}

func TestALockIsTheOneOfTheBuildContext(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "go1.x")
	c.writeFiles(t, map[string]string{"app/x": "", "Dockerfile": "FROM go1.x\n"})
	c.mustRun(t, append([]string{"lock", "go1.x", "-o", "app/lambda.lock.json"}, h.flags()...)...)
	first := must(h.Commit("go1.x"))
	h.publish(t, "go1.x")
	c.mustRun(t, append([]string{"lock", "go1.x"}, h.flags()...)...)
	_, objects := h.URLs(h.URL)
	for name, stdin := range map[string]string{"Dockerfile": "", "-": "FROM go1.x\n"} {
		cmd := c.command(t, "build", "-f", name, "app", "--objects="+objects, "-o", "function.tar")
		cmd.Stdin = strings.NewReader(stdin)
		s := runToEnd(t, cmd)
		require.Zero(t, s.code, s.stderr)
		require.Contains(t, s.stderr, "obey lambda.lock.json: go1.x is commit "+first, "not the one of the working directory")
	}
}
