package test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/fstree"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/solver/errdefs"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
)

func TestWhatIsNotUnpackedFailsTheBuild(t *testing.T) {
	t.Parallel()
	pointer := []byte("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n")
	good := compress(t, packTar(t, append([]entry{file("a", "1")}, taskDirs...)...))
	d := sandbox.Start(t)
	for name, tc := range map[string]struct {
		object []byte
		want   string
	}{
		"a pointer as the object": {pointer, "b.tar.xz (object sha256:"},
		"a pointer, said so":      {pointer, "was not unpacked: it is a Git LFS pointer itself"},
		"an error page":           {[]byte("<html>rate limit exceeded</html>"), "was not unpacked: it is no archive, it begins with \"<html>rate"},
		"lz4":                     {[]byte("\x04\x22\x4d\x18 and so on"), "packed with lz4"},
		"no tar in xz":            {compress(t, []byte("no tar")), "there is no tar in it"},
		"nothing in xz":           {compress(t, nil), "there is no tar in it"},
		"a damaged archive":       {good[:len(good)-40], "unpack b.tar.xz"},
	} {
		for _, layers := range []string{"auto", "chain"} {
			t.Run(name+" "+layers, func(t *testing.T) {
				h := serve(t, []sample.Branch{newBranch("case", good, tc.object)})
				_, err := d.Solve(t.Context(), t, h.request("case", "layers", layers))
				require.ErrorContains(t, err, tc.want)
				requireAt(t, err, "Dockerfile.case", 3)
			})
		}
	}
}

func TestADaemonWithoutXZSaysSo(t *testing.T) {
	t.Parallel()
	h := serveUpstream(t, "provided.al2023")
	d := sandbox.Start(t, sandbox.WithPath(sandbox.PathOf(t, "git")))
	for _, layers := range []string{"auto", "merge", "chain"} {
		_, err := d.Solve(t.Context(), t, h.request("provided.al2023", "layers", layers))
		require.ErrorContains(t, err, "the BuildKit daemon has no xz: install xz-utils", layers)
	}
}

func TestAPointerWithAWrongSizeHidesNothing(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	good := compress(t, packTar(t, taskDirs...))
	object := []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
	h := serve(t, []sample.Branch{newBranch("case", good, object)})
	wrong := newBranch("case", good, object)
	pointer := func(content []byte, size int) []byte {
		return fmt.Appendf(nil, "version https://git-lfs.github.com/spec/v1\noid %s\nsize %d\n", digest.FromBytes(content), size)
	}
	wrong.Files["a.tar.xz"], wrong.Files["b.tar.xz"] = pointer(good, len(good)), pointer(object, 999)
	wrong.LFS = nil
	_, err := h.Push(wrong)
	require.NoError(t, err)
	for _, layers := range []string{"auto", "chain"} {
		_, err = d.Solve(t.Context(), t, h.request("case", "layers", layers, "objects", h.URL+"/objects/{oid}"))
		require.ErrorContains(t, err, fmt.Sprintf("was not unpacked, and has %d bytes: its pointer says 999", len(object)))
	}
}

func TestAnEmptyTarAddsNothingToTheImage(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	good := compress(t, packTar(t, append([]entry{file("a", "1")}, taskDirs...)...))
	h := serve(t, []sample.Branch{newBranch("case", good, compress(t, packTar(t)))})
	for _, layers := range []string{"auto", "chain"} {
		image := oneImage(t, d, h.request("case", "layers", layers))
		tree, err := image.Tree()
		require.NoError(t, err)
		require.Len(t, tree, 3, "ADD would copy the archive into the image")
		require.True(t, imageConfig(t, image).History[1].EmptyLayer)
	}
}

func TestTheWorkingDirectoryIsMadeWhereNoLayerHasIt(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t, sandbox.WithSnapshotter("overlayfs"))
	h := serve(t, []sample.Branch{newBranch("case", compress(t, packTar(t, dirEntry("opt", 0o755), file("opt/a", "1"))), compress(t, packTar(t, file("b", "2"))))})
	for _, layers := range []string{"auto", "chain"} {
		req := h.request("case", "layers", layers)
		requireEqual(t, d, h.oracle(t, "case", ""), req, fstree.IgnoreMtime(func(path string) bool { return strings.HasPrefix(path, "/var") }))
		tree, err := d.Local(t, req)
		require.NoError(t, err)
		require.Equal(t, commitTime.UnixNano(), tree["/var/task"].Mtime, "its time is the commit's date")
	}
}

func TestMergeRefusesWhatWouldDiffer(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serve(t, []sample.Branch{newBranch("case",
		compress(t, packTar(t, dirEntry("d", 0o700))), compress(t, packTar(t, dirEntry("d", 0o755))))})
	_, err := d.Solve(t.Context(), t, h.request("case", "layers", "merge"))
	require.ErrorContains(t, err, "layers=merge would differ from the recipe of case, layers=auto gives what it says: /d: directory drwx------")
}

func TestAnObjectThatDoesNotArriveIsNamed(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "provided.al2023")
	_, err := d.Solve(t.Context(), t, h.request("provided.al2023", "objects", h.URL+"/nowhere/{oid}"))
	require.ErrorContains(t, err, "4 objects failed")
	require.ErrorContains(t, err, h.URL+"/nowhere/")
}

func TestACommitThatIsGoneSaysWhatToDo(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "provided.al2023")
	_, err := d.Solve(t.Context(), t, h.request("provided.al2023", "commit", strings.Repeat("0123", 10)))
	require.ErrorContains(t, err, "upstream replaces a branch's history")
	require.ErrorContains(t, err, "leave out the commit")
}

func TestACommitOfAnotherRuntimeIsRefused(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "provided.al2023", "nodejs20.x")
	commit, err := h.Commit("nodejs20.x")
	require.NoError(t, err)
	_, err = d.Solve(t.Context(), t, h.request("provided.al2023", "commit", commit))
	require.ErrorContains(t, err, "commit "+commit+" is of nodejs20.x, not of provided.al2023")
	_, err = d.Solve(t.Context(), t, h.functionRequest(t, map[string]string{"Dockerfile": "FROM provided.al2023:" + commit + "\n"}))
	require.ErrorContains(t, err, "is of nodejs20.x, not of provided.al2023")
	require.Zero(t, h.Total(githost.Object))
}

func TestAReplacedCommitIsBuiltByItsID(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serve(t, []sample.Branch{newBranch("case", compress(t, packTar(t, append(taskDirs, file("a", "1"))...)))})
	before, err := h.Commit("case")
	require.NoError(t, err)
	first := oneImage(t, d, h.request("case"))
	after, err := h.Push(newBranch("case", compress(t, packTar(t, append(taskDirs, file("a", "2"))...))))
	require.NoError(t, err)

	require.Equal(t, first.Digest, oneImage(t, d, h.request("case", "commit", before)).Digest)
	second := oneImage(t, d, h.request("case"))
	require.NotEqual(t, first.Digest, second.Digest)
	require.Equal(t, after, imageConfig(t, second).Config.Labels["lambdabase.commit"])
}

// requireAt wants the error to point at a line of a file, as clients show it.
func requireAt(t *testing.T, err error, file string, line int32) {
	t.Helper()
	for _, s := range errdefs.Sources(err) {
		if s.Info.Filename == file && s.Ranges[0].Start.Line == line {
			return
		}
	}
	require.Fail(t, "not located", "want %s:%d in %v", file, line, errdefs.Sources(err))
}

func TestABuildThatIsEndedEndsAtOnce(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "provided.al2023")
	h.Inject(faults.Target{Kind: githost.Object}, faults.Fault{Delay: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := d.Solve(ctx, t, h.request("provided.al2023"))
		ended <- err
	}()
	sandbox.Wait(t, func() bool { return h.Total(githost.Object) > 0 }, "request for an object")
	cancel()
	require.Error(t, <-ended) // before the hour is over
}

func TestABranchThatIsGoneIsToldUntilItComesBack(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	b := newBranch("case", compress(t, packTar(t, taskDirs...)))
	h := serve(t, []sample.Branch{b})
	require.NoError(t, h.Delete("case"))
	_, err := d.Solve(t.Context(), t, h.request("case"))
	require.ErrorContains(t, err, "no runtime case: "+h.URL+githost.RepositoryPath+" has no such branch")
	_, err = h.Push(b)
	require.NoError(t, err)
	_, err = d.Solve(t.Context(), t, h.request("case"))
	require.NoError(t, err)
}
