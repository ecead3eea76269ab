package test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"lambdabase/internal/catalog"
	"lambdabase/internal/sample"
	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/readme"
	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/stretchr/testify/require"
)

// mirrorArgs is the command line that mirrors runtimes of a host.
func mirrorArgs(h *repoServer, to string, runtimes ...string) []string {
	return append(append([]string{"mirror", "--to=" + to}, runtimes...), h.flags()...)
}

// requireNothingKept wants no object of a mirror's to be left in the cache.
func (c *cli) requireNothingKept(t testing.TB) {
	t.Helper()
	require.Empty(t, must(os.ReadDir(filepath.Join(c.root, "objects"))))
}

func TestAMirrorIsFilledAndCarried(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x", "python3.12", "go1.x")
	first, second, last := serveCountedRegistry(t), serveCountedRegistry(t), serveCountedRegistry(t)
	for objects, to := range map[string]string{"": first.location(), "lfs": second.location()} {
		h.Reset()
		args := mirrorArgs(h, to, "nodejs20.x", "python3.12", "go1.x")
		if objects != "" {
			args = append(args, "--objects="+objects)
		}
		out := c.mustRun(t, args...)
		commit := must(h.Commit("nodejs20.x"))
		tags := tagDigests(t, to)
		require.Len(t, tags, 7)
		require.Equal(t, tags["nodejs20.x"], tags["nodejs20.x-"+commit])
		require.Contains(t, out, "nodejs20.x-"+commit+"  "+tags["nodejs20.x"]+"  11, ") // one is go1.x's, whose row is above
		require.Len(t, h.Counts(), len(mirroredObjects(t, to)))
		for oid, n := range h.Counts() {
			require.Equal(t, 1, n, oid)
		}
		require.Equal(t, objects != "", h.Total(githost.Batch) > 0)
		c.requireNothingKept(t)
	}
	want := tagDigests(t, first.location())
	require.Equal(t, want, tagDigests(t, second.location()))

	h.Reset()
	first.asked()
	require.Contains(t, c.mustRun(t, mirrorArgs(h, first.location(), "nodejs20.x")...), want["nodejs20.x"]+"  -      12, ")
	require.Zero(t, h.Total(githost.Object)+h.Total(githost.Batch), "what is there isn't fetched")
	blobs, manifests := first.uploads()
	require.Zero(t, blobs+manifests, "nor is it pushed")

	h.Close() // and with it the git server
	c.mustRun(t, "mirror", "--all", "--from="+first.location(), "--to=oci-layout:carried", "--progress=plain")
	c.mustRun(t, "mirror", "--all", "--from=oci-layout:carried", "--to="+last.location(), "--progress=plain")
	require.Equal(t, want, tagDigests(t, last.location()))
	for _, l := range []string{first.location(), "oci-layout:carried", last.location()} {
		var list []catalog.Runtime
		require.NoError(t, json.Unmarshal([]byte(c.mustRun(t, "list", "--json", "--repository="+l)), &list))
		require.Len(t, list, 3)
		require.Equal(t, "nodejs20.x", list[1].Name)
		require.Equal(t, []string{"linux/amd64", "linux/arm64"}, list[1].Platforms)
		require.NotZero(t, list[1].Size)
	}
	config := must(crane.Config(strings.TrimPrefix(last.location(), "oci://") + ":lambdabase-catalog"))
	require.Contains(t, string(config), `{\"name\":\"python3.12\"`)
}

func TestAllOfARepositoryIsMirrored(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x", "go1.x")
	r := serveCountedRegistry(t)
	c.mustRun(t, append([]string{"mirror", "--all", "--to=" + r.location(), "--platform=linux/arm64"}, h.flags()...)...)
	require.NotContains(t, tagDigests(t, r.location()), "go1.x", "it has no such platform")
	require.Len(t, h.Counts(), 6)
	out := c.mustRun(t, append([]string{"mirror", "--all", "--to=" + r.location()}, h.flags()...)...)
	require.Contains(t, out, "  5, 79.43kB  7, ", "the other platform is added, but for what go1.x has brought")
	require.Len(t, tagDigests(t, r.location()), 5)
	require.Contains(t, c.mustRun(t, "list", "--repository="+r.location()), "nodejs20.x  linux/amd64,linux/arm64")
}

func TestABranchThatCantBeReadKeepsNoOtherFromTheMirror(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	bad := newBranch("nodejs20.x", compress(t, packTar(t, taskDirs...)))
	bad.Files["Dockerfile.nodejs20.x"] = []byte("FROM scratch\nRUN true\n")
	h := serve(t, []sample.Branch{bad, newBranch("python3.12", compress(t, packTar(t, taskDirs...)))})
	r := serveCountedRegistry(t)
	s := c.run(t, append([]string{"mirror", "--all", "--to=" + r.location()}, h.flags()...)...)
	require.Equal(t, 1, s.code)
	require.Contains(t, s.stderr, "nodejs20.x: Dockerfile.nodejs20.x:2: ")
	require.Contains(t, s.stdout, "python3.12-"+must(h.Commit("python3.12"))+"  sha256:")
	require.Len(t, tagDigests(t, r.location()), 3, "python3.12, its commit, and the catalog")
}

func TestAMirrorThatIsInterruptedGoesOn(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	r := serveCountedRegistry(t)
	const objects = 12 // of both platforms

	// Two objects have arrived when it is interrupted: of six at a time, the eighth can't begin before.
	var pushed atomic.Int64
	interrupted := make(chan struct{})
	r.inject(func(_ http.ResponseWriter, req *http.Request) bool {
		if req.Method == http.MethodPut && pushed.Add(1) > 2 {
			<-interrupted
			return true
		}
		return false
	})
	cmd := c.command(t, mirrorArgs(h, r.location(), "nodejs20.x")...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	sandbox.Wait(t, func() bool { return pushed.Load() == 8 }, "two objects that arrived")
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	require.Error(t, cmd.Wait())
	close(interrupted)
	require.Equal(t, 130, cmd.ProcessState.ExitCode(), stderr.String())
	require.Contains(t, stderr.String(), "lambdabase: interrupted")

	h.Reset()
	r.inject(nil)
	r.asked()
	out := c.mustRun(t, mirrorArgs(h, r.location(), "nodejs20.x")...)
	require.Contains(t, out, "  2, ")
	blobs, _ := r.uploads()
	require.Equal(t, objects-2+1+2, blobs, "the others, the config, and the catalog's two")
	require.Less(t, len(h.Counts()), objects-2, "what was here already isn't fetched again")
	c.requireNothingKept(t)
}

func TestAnObjectThatWasHalfFetchedGoesOn(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	r := serveCountedRegistry(t)
	h.Inject(faults.Target{Kind: githost.Object}, faults.Fault{Stall: 100})
	cmd := c.command(t, append(mirrorArgs(h, r.location(), "nodejs20.x"), "--objects=lfs")...)
	require.NoError(t, cmd.Start())
	sandbox.Wait(t, func() bool {
		files, _ := filepath.Glob(filepath.Join(c.root, "objects", "*.part"))
		for _, file := range files {
			if info, err := os.Stat(file); err == nil && info.Size() == 100 {
				return true
			}
		}
		return false
	}, "a part of an object")
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	require.Error(t, cmd.Wait())

	h.ClearFaults()
	h.Reset()
	c.mustRun(t, append(mirrorArgs(h, r.location(), "nodejs20.x"), "--objects=lfs")...)
	var ranges []string
	for _, req := range h.Requests() {
		ranges = append(ranges, req.Header.Get("Range"))
	}
	require.Contains(t, ranges, "bytes=100-")
}

func TestACorruptedObjectIsNotMirrored(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x", "go1.x")
	r := serveCountedRegistry(t)
	oid := c.plan(t, h).Platforms[0].Layers[1].OID
	h.Inject(faults.Target{Kind: githost.Object, OID: oid}, faults.Fault{Corrupt: true})
	s := c.run(t, mirrorArgs(h, r.location(), "nodejs20.x", "go1.x")...)
	require.Equal(t, 1, s.code)
	require.Regexp(t, `lambdabase: nodejs20.x: x86_64/[0-9a-f]+\.tar\.xz \(object sha256:`+oid+`, [^)]*\): .*the server sent something else`, s.stderr)
	tags := tagDigests(t, r.location())
	require.NotContains(t, tags, "nodejs20.x")
	require.Len(t, tags, 3, "the other one has all of its objects")

	h.ClearFaults()
	c.mustRun(t, mirrorArgs(h, "oci-layout:dir", "nodejs20.x")...)
	file := c.file("dir/blobs/sha256/" + oid)
	dt := must(os.ReadFile(file))
	dt[0] ^= 1
	require.NoError(t, os.Chmod(file, 0o644))
	require.NoError(t, os.WriteFile(file, dt, 0o644))
	s = c.run(t, "mirror", "nodejs20.x", "--from=oci-layout:dir", "--to="+r.location())
	require.Equal(t, 1, s.code)
	require.Regexp(t, `lambdabase: nodejs20.x: x86_64/[0-9a-f]+\.tar\.xz \(object sha256:`+oid+`, [^)]*\): oci-layout:dir: corrupted: its content has sha256:`, s.stderr)
	readme.Explains(t, s.stderr, "oci-layout:...: corrupted: its content has ...")
	require.NotContains(t, tagDigests(t, r.location()), "nodejs20.x")
	require.Contains(t, c.mustRun(t, mirrorArgs(h, "oci-layout:dir", "nodejs20.x")...), "  1, ", "what is damaged there is replaced")
	c.mustRun(t, "mirror", "nodejs20.x", "--from=oci-layout:dir", "--to="+r.location())
}

func TestAPrivateRegistryWantsALogin(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "go1.x")
	registry := startAuthRegistry(t, "joe", "pa55")
	to := "oci://" + registry + "/lambda"
	text := c.mustFail(t, 1, mirrorArgs(h, to, "go1.x")...)
	readme.Explains(t, text, "registry ... asks for a login: type docker login")
	require.Contains(t, text, "registry "+registry+" asks for a login: type docker login "+registry+", as somebody who may use lambda; Docker's config.json and its helpers are read")
	c.setDockerConfig(t, fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, registry, base64.StdEncoding.EncodeToString([]byte("joe:pa55"))))
	c.mustRun(t, mirrorArgs(h, to, "go1.x")...)

	helper := "#!/bin/sh\nread server\necho '{\"ServerURL\":\"'$server'\",\"Username\":\"joe\",\"Secret\":\"pa55\"}'\n"
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "docker-credential-test"), []byte(helper), 0o755))
	c.path = bin + ":" + c.path
	c.setDockerConfig(t, fmt.Sprintf(`{"credHelpers":{%q:"test"}}`, registry))
	require.Contains(t, c.mustRun(t, "list", "--repository="+to), "go1.x")
}

func TestOlderCommitsOfAMirrorGo(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "nodejs20.x")
	r := serveCountedRegistry(t)
	var commits []string
	for n := range 3 {
		h.publishRelease(t, "nodejs20.x", n)
		commits = append(commits, must(h.Commit("nodejs20.x")))
		c.mustRun(t, mirrorArgs(h, r.location(), "nodejs20.x")...)
	}
	require.Len(t, tagDigests(t, r.location()), 5, "they stand side by side")
	require.Regexp(t, `COMMITS KEPT\nnodejs20.x .* 3\n$`, c.mustRun(t, "list", "--repository="+r.location()))
	var list []struct{ Commits []string }
	require.NoError(t, json.Unmarshal([]byte(c.mustRun(t, "list", "--json", "--repository="+r.location())), &list))
	require.ElementsMatch(t, commits, list[0].Commits)
	latest := tagDigests(t, r.location())["nodejs20.x"]
	out := c.mustRun(t, append(mirrorArgs(h, r.location(), "nodejs20.x"), "--commit="+commits[1], "--keep=2")...)
	require.Equal(t, latest, tagDigests(t, r.location())["nodejs20.x"], "an older commit stands beside the latest")
	require.Contains(t, out, "removed nodejs20.x-"+commits[0]+"\n")
	require.NotContains(t, tagDigests(t, r.location()), "nodejs20.x-"+commits[0])

	r.inject(func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method == http.MethodDelete {
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
		return req.Method == http.MethodDelete
	})
	readme.Explains(t, c.mustFail(t, 1, append(mirrorArgs(h, r.location(), "nodejs20.x"), "--keep=1")...),
		"older commits stay: ... it has that switched off, or can't do it")
	r.inject(nil)

	c.mustRun(t, "mirror", "--all", "--from="+r.location(), "--to=oci-layout:dir")
	out = c.mustRun(t, "mirror", "nodejs20.x", "--from="+r.location(), "--to=oci-layout:dir", "--keep=1")
	require.Contains(t, out, "removed nodejs20.x-"+commits[1]+"\nfreed ")
	c.mustRun(t, "mirror", "nodejs20.x", "--from=oci-layout:dir", "--to=oci-layout:copy")
	require.Equal(t, must(filepath.Glob(c.file("dir/blobs/sha256/*"))), replaceAll(must(filepath.Glob(c.file("copy/blobs/sha256/*"))), "/copy/", "/dir/"),
		"nothing is left but what is needed")
}

func replaceAll(texts []string, old, with string) (replaced []string) {
	for _, text := range texts {
		replaced = append(replaced, strings.ReplaceAll(text, old, with))
	}
	return replaced
}

// What is in a mirror is all that is needed, by the rules of Debian's registry too.
func TestARegistrysGarbageCollectionKeepsAMirror(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	r := startDockerRegistry(t)
	h := serveUpstream(t, "nodejs20.x", "python3.12")
	to := "oci://" + r.host + "/team/lambda"
	c.mustRun(t, mirrorArgs(h, to, "nodejs20.x", "python3.12")...)
	old := must(h.Commit("nodejs20.x"))
	h.publish(t, "nodejs20.x")
	c.mustRun(t, mirrorArgs(h, to, "nodejs20.x")...)
	before, all := r.blobs(t), mirroredObjects(t, to)
	r.collectGarbage(t)
	require.Equal(t, before, r.blobs(t))

	require.Contains(t, c.mustRun(t, append(mirrorArgs(h, to, "nodejs20.x"), "--keep=1")...), "removed nodejs20.x-"+old+"\n")
	r.collectGarbage(t)
	after, needed := r.blobs(t), mirroredObjects(t, to)
	require.Less(t, len(needed), len(all))
	for oid := range all {
		require.Equal(t, needed[oid], after[oid] > 0, oid)
	}

	// It can be mirrored on, within the registry without moving a byte.
	other := "oci://" + r.host + "/copy"
	s := c.run(t, "mirror", "--all", "--from="+to, "--to="+other, "--progress=plain")
	require.Zero(t, s.code, s.stderr)
	require.Contains(t, s.stderr, ", which the registry had elsewhere: 20 of 20 objects")
	require.Equal(t, tagDigests(t, to), tagDigests(t, other))
}

func TestTwoMirrorsAtOnceDoNoHarm(t *testing.T) {
	t.Parallel()
	h := serveUpstream(t, "nodejs20.x", "python3.12")
	r := serveCountedRegistry(t)
	dir := filepath.Join(t.TempDir(), "layout")
	for _, to := range []string{r.location(), "oci-layout:" + dir} {
		var wg sync.WaitGroup
		for _, runtimes := range [][]string{{"nodejs20.x", "python3.12"}, {"python3.12"}, {"nodejs20.x"}} {
			c := newCLI(t) // with a cache of its own: one BuildKit at a time uses one
			cmd := c.command(t, mirrorArgs(h, to, runtimes...)...)
			wg.Go(func() {
				if s := runToEnd(t, cmd); s.code != 0 {
					t.Errorf("%v: %s", runtimes, s.stderr)
				}
			})
		}
		wg.Wait()
		c := newCLI(t)
		copied := serveCountedRegistry(t)
		c.mustRun(t, "mirror", "--all", "--from="+to, "--to="+copied.location())
		require.Len(t, tagDigests(t, copied.location()), 5)
	}
}

func TestWhatTheMediaHostRefusesIsMirroredByTheBatchAPI(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	g := startGitHub(t)
	c.writeFiles(t, map[string]string{"ca.pem": string(g.ca)})
	c.env = []string{"HTTPS_PROXY=" + g.through}
	r := serveCountedRegistry(t)
	args := []string{"mirror", "nodejs20.x", "--secret=id=LAMBDABASE_CA,src=ca.pem", "--addr=" + g.daemon(t).Addr}
	c.mustRun(t, append(args, "--to="+r.location())...)
	require.Zero(t, g.Total(githost.Batch))
	g.refuses.Store(http.StatusForbidden)
	s := c.run(t, append(args, "--to=oci-layout:dir")...)
	require.Zero(t, s.code, s.stderr)
	require.Equal(t, 1, strings.Count(s.stderr, "objects are asked for by the LFS batch API"), s.stderr)
	require.NotZero(t, g.Total(githost.Batch))
}

func TestAMirrorSaysWhatIsWrongWithACommandLine(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	h := serveUpstream(t, "go1.x")
	r := serveCountedRegistry(t)
	to := "--to=" + r.location()
	for want, args := range map[string][]string{
		"say where to with --to":                                  {"go1.x"},
		"--to: want oci://registry/name or oci-layout:DIR":        {"go1.x", "--to=registry.example/lambda"},
		"name runtimes, or give --all":                            {to},
		"--commit goes with one runtime":                          {to, "--all", "--commit=" + strings.Repeat("a", 40)},
		"--keep leaves one commit at least":                       {to, "go1.x", "--keep=0"},
		"another mirror is named with --from":                     {to, "go1.x", "--repository=" + r.location()},
		"--from and --to are the same mirror":                     {to, "go1.x", "--from=" + r.location()},
		"leave out --repository, --objects and --sample":          {to, "go1.x", "--from=oci-layout:x", "--sample"},
		"--layers is about images: a mirror has what":             {to, "go1.x", "--layers=chain"},
		"runtime team/go1.x can't be in a mirror: its name can't": {to, "team/go1.x"},
	} {
		require.Contains(t, c.mustFail(t, 2, append([]string{"mirror"}, args...)...), want)
	}
	require.Contains(t, c.mustFail(t, 1, "mirror", "go1.x", to, "--from=oci-layout:none"), "oci-layout:none: ")
	require.Contains(t, c.mustFail(t, 1, "mirror", "--all", "--from="+r.location(), "--to=oci-layout:x"), r.location()+" has no such runtime")
	c.mustRun(t, mirrorArgs(h, r.location(), "go1.x")...)
	require.Contains(t, c.mustFail(t, 1, "mirror", "nodejs20.x", "--from="+r.location(), "--to=oci-layout:x"), r.location()+" has no nodejs20.x: it has go1.x")
	require.Contains(t, c.mustFail(t, 1, "mirror", "go1.x", "--platform=linux/arm64", "--from="+r.location(), "--to=oci-layout:x"),
		"runtime go1.x has no platform linux/arm64, it has linux/amd64")
	require.Contains(t, c.mustFail(t, 1, mirrorArgs(h, r.location(), "nodejs20.x")...), "no runtime nodejs20.x")
}
