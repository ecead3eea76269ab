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
	c.mustRun(t, append(buildArgs(h, "nodejs20.x"), "--lock=none", "-o", "image.tar")...)
	require.NotZero(t, h.Total(githost.Git))

	require.Contains(t, c.mustFail(t, 1, "lock", "nodejs20.x"), "lambda.lock.json locks python3.12 too: name them all, or change some with --update")
	out := c.mustRun(t, "lock", "--update", "nodejs20.x")
	require.Contains(t, out, "  + ")
	require.Contains(t, out, " objects to fetch, ")
	require.NotContains(t, out, "python3.12", "which wasn't named")
	require.Contains(t, c.mustRun(t, "lock", "--check"), "python3.12: ")
}

func TestTheCommandSaysWhatIsWrongWithALock(t *testing.T) {
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x", "python3.12")
	c.mustRun(t, append([]string{"lock", "nodejs20.x", "-o", "locks.json", "--platform=linux/amd64"}, h.flags()...)...)
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

	require.Contains(t, c.mustFail(t, 2, "lock"), "name a runtime, or give --update or --check")
	require.Contains(t, c.mustFail(t, 2, "lock", "--update", "--check"), "give one of them")
	require.Contains(t, c.mustFail(t, 1, "lock", "--check"), "there is no lock file lambda.lock.json")
	require.Contains(t, c.mustFail(t, 1, "lock", "--check", "-o", "locks.json", "go1.x"), "locks.json has no runtime go1.x")
	files := must(os.ReadDir(c.dir))
	require.Len(t, files, 2, "nothing else is written")
}
