package test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/fstree"
	"lambdabase/test/sandbox"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	digest "github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
)

func TestTheSameCommitGivesTheSameDigestOnTwoDaemons(t *testing.T) {
	t.Parallel()
	h := serveUpstream(t, "nodejs20.x")
	one, two := sandbox.Start(t), sandbox.Start(t)
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		first := oneImage(t, one, h.request("nodejs20.x", "platform", platform))
		require.Equal(t, first.Digest, oneImage(t, two, h.request("nodejs20.x", "platform", platform)).Digest)

		elsewhere := h.request("nodejs20.x", "platform", platform, "repository", h.URL+"/aws/aws-lambda-base-images", "objects", h.URL+"/objects/{oid}")
		require.Equal(t, first.Digest, oneImage(t, two, elsewhere).Digest, "a mirror gives the same image")
	}
}

func TestTheImageIsDatedByItsCommit(t *testing.T) {
	t.Parallel()
	h := serveUpstream(t, "nodejs20.x")
	d := sandbox.Start(t)
	config := imageConfig(t, oneImage(t, d, h.request("nodejs20.x")))
	commit, err := h.Commit("nodejs20.x")
	require.NoError(t, err)
	require.Equal(t, time.Date(2024, 10, 14, 14, 15, 39, 0, time.UTC), config.Created.UTC())
	require.Equal(t, map[string]string{"lambdabase.runtime": "nodejs20.x", "lambdabase.commit": commit}, config.Config.Labels)
	for _, entry := range config.History {
		require.Equal(t, config.Created.UTC(), entry.Created.UTC())
		require.Regexp(t, `^ADD x86_64/[0-9a-f]{64}\.tar\.xz / # sha256:[0-9a-f]{64}, \d+ bytes$`, entry.CreatedBy)
	}

	dated := imageConfig(t, oneImage(t, d, h.request("nodejs20.x", "build-arg:SOURCE_DATE_EPOCH", "86400")))
	require.Equal(t, time.Unix(86400, 0).UTC(), dated.Created.UTC())
}

func TestACommitMayBeGivenByItsTag(t *testing.T) { requireTagIsCommit(t, sandbox.Start(t)) }

func requireTagIsCommit(t *testing.T, d *sandbox.Daemon) {
	t.Helper()
	few, many := newBranch("few", compress(t, packTar(t, file("a", "x")))), newBranch("many", compress(t, packTar(t, file("a", "x"))))
	for i := range 120 { // which git leaves in a pack
		many.Files[fmt.Sprintf("file%d", i)] = []byte(strconv.Itoa(i))
	}
	h := serve(t, []sample.Branch{few, many})
	for _, runtime := range []string{"few", "many"} {
		tag := h.startTagged(t, runtime)
		image, err := d.OCI(t, h.request(runtime, "commit", tag, "objects", h.URL+"/objects/{oid}"))
		require.NoError(t, err, runtime)
		config := imageConfig(t, image[0])
		require.Equal(t, commitTime, config.Created.UTC())
		require.Equal(t, must(h.Commit(runtime)), config.Config.Labels["lambdabase.commit"], "what was built is the commit")
		require.Equal(t, oneImage(t, d, h.request(runtime, "objects", h.URL+"/objects/{oid}")).Digest, image[0].Digest)
	}
}

func TestACommitIsFetchedWithoutTheTagsOfTheRepository(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serve(t, []sample.Branch{newBranch("case", compress(t, packTar(t, file("a", "x")))), newBranch("other", compress(t, packTar(t, file("a", "x"))))})
	h.startTagged(t, "other")
	oneImage(t, d, h.request("case"))
	repositories := must(filepath.Glob(filepath.Join(d.Root, "runc-*", "snapshots", "snapshots", "*", "fs", "HEAD")))
	require.NotEmpty(t, repositories)
	for _, head := range repositories {
		out, err := exec.Command("git", "-c", "safe.directory=*", "--git-dir="+filepath.Dir(head), "for-each-ref", "refs/tags").CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.NotContains(t, string(out), "tag-other")
	}
}

func TestAnIDOfNoCommitIsToldForWhatItIs(t *testing.T) { requireNoCommit(t, sandbox.Start(t)) }

func requireNoCommit(t *testing.T, d *sandbox.Daemon) {
	t.Helper()
	h := serve(t, []sample.Branch{newBranch("case", compress(t, packTar(t, file("a", "x"))))})
	repository, err := git.PlainOpen(filepath.Join(h.Repository.Dir, "repo.git"))
	require.NoError(t, err)
	commit, err := repository.CommitObject(plumbing.NewHash(must(h.Commit("case"))))
	require.NoError(t, err)
	tree, err := commit.Tree()
	require.NoError(t, err)
	for _, id := range []string{tree.Hash.String(), tree.Entries[0].Hash.String()} {
		_, err := d.Solve(t.Context(), t, h.request("case", "commit", id))
		require.ErrorContains(t, err, id+" is in "+h.URL+githost.RepositoryPath+", but is no commit: it is the id of a folder or a file")
	}
}

// startTagged gives a branch's commit an annotated tag, and tells the tag's id.
func (h *repoServer) startTagged(t *testing.T, runtime string) string {
	t.Helper()
	repository, err := git.PlainOpen(filepath.Join(h.Repository.Dir, "repo.git"))
	require.NoError(t, err)
	by := &object.Signature{Name: "a", Email: "a@example.com", When: commitTime.AddDate(1, 0, 0)}
	ref, err := repository.CreateTag("tag-"+runtime, plumbing.NewHash(must(h.Commit(runtime))), &git.CreateTagOptions{Tagger: by, Message: "x"})
	require.NoError(t, err)
	return ref.Hash().String()
}

func TestRuntimesShareLayersToTheByte(t *testing.T) {
	t.Parallel()
	h := serveUpstream(t, "nodejs18.x", "nodejs16.x", "nodejs20.x", "python3.12")
	d := sandbox.Start(t)
	layers := func(runtime string) map[digest.Digest]bool {
		found := map[digest.Digest]bool{}
		for _, l := range oneImage(t, d, h.request(runtime)).Layers {
			found[l.Descriptor.Digest] = true
		}
		return found
	}
	for _, pair := range [][2]string{{"nodejs18.x", "nodejs16.x"}, {"nodejs20.x", "python3.12"}} {
		one, two := layers(pair[0]), layers(pair[1])
		shared := 0
		for l := range one {
			if two[l] {
				shared++
			}
		}
		objects := len(distinctObjects(t, "linux/amd64", pair[0])) + len(distinctObjects(t, "linux/amd64", pair[1])) - len(distinctObjects(t, "linux/amd64", pair[:]...))
		require.Positive(t, objects)
		require.Equal(t, objects, shared, "%v: what is one object is one layer, wherever it stands", pair)
	}
}

func TestLayersAreAsLambdaWantsThem(t *testing.T) {
	t.Parallel()
	h := serveUpstream(t, "nodejs20.x")
	image := oneImage(t, sandbox.Start(t), h.request("nodejs20.x"))
	for _, l := range image.Layers {
		require.Contains(t, l.Descriptor.MediaType, "gzip")
		r, err := l.Open()
		require.NoError(t, err)
		missing, err := fstree.MissingParents(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.Empty(t, missing, "a directory without a header is MissingParentDirectory to Lambda")
	}
}
