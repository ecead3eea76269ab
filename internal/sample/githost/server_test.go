package githost

import (
	"bytes"
	"lambdabase/internal/sample/hosttest"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestShallowCloneOfABranch(t *testing.T) {
	s, dir := serve(t), t.TempDir()
	url, _ := s.URLs(s.URL)
	for _, url := range []string{url, strings.TrimSuffix(url, ".git")} {
		work := filepath.Join(dir, filepath.Base(url))
		hosttest.Git(t, dir, "clone", "--quiet", "--depth", "1", "-b", hosttest.Branch, url, work)
		require.Equal(t, s.Commit, hosttest.Git(t, work, "rev-parse", "HEAD"))
		require.Equal(t, "1", hosttest.Git(t, work, "rev-list", "--count", "--all"))
		content, err := os.ReadFile(filepath.Join(work, s.Path))
		require.NoError(t, err)
		require.Contains(t, string(content), "oid sha256:"+s.OID+"\n")
	}
	require.Positive(t, s.Total(Git))
	require.Zero(t, s.Total(Object)+s.Total(Batch))
}

func TestHeadIsMainWhichIsNoRuntime(t *testing.T) {
	s, dir := serve(t), t.TempDir()
	url, _ := s.URLs(s.URL)
	require.Equal(t, "ref: refs/heads/main\tHEAD", strings.SplitN(hosttest.Git(t, dir, "ls-remote", "--symref", url, "HEAD"), "\n", 2)[0])
	require.Len(t, strings.Split(hosttest.Git(t, dir, "ls-remote", "--heads", url), "\n"), 2)
}

func TestReplacedCommitCanStillBeFetched(t *testing.T) {
	s, dir := serve(t), t.TempDir()
	url, _ := s.URLs(s.URL)
	next := hosttest.Release(t, 1)
	commit, err := s.Repository.Push(next)
	require.NoError(t, err)
	require.NotEqual(t, s.Commit, commit)
	require.Contains(t, hosttest.Git(t, dir, "ls-remote", url), commit+"\trefs/heads/"+hosttest.Branch)

	hosttest.Git(t, dir, "init", "--quiet")
	for _, id := range []string{s.Commit, commit} {
		hosttest.Git(t, dir, "fetch", "--quiet", "--depth", "1", url, id)
		require.Equal(t, id, hosttest.Git(t, dir, "rev-parse", "FETCH_HEAD"))
	}
}

func TestNothingIsPushedOverTheNetwork(t *testing.T) {
	s := serve(t)
	response, _, _ := s.Get(t, RepositoryPath+"/info/refs?service=git-receive-pack")
	require.Equal(t, http.StatusForbidden, response.StatusCode)
}

func TestGitLFSPullsThroughTheBatchAPI(t *testing.T) {
	if exec.Command("git", "lfs", "version").Run() != nil {
		t.Skip("git-lfs is not installed")
	}
	s, dir := serve(t), t.TempDir()
	url, _ := s.URLs(s.URL)
	work := filepath.Join(dir, "work")
	hosttest.Git(t, dir, "clone", "--quiet", "--depth", "1", "-b", hosttest.Branch, url, work)
	hosttest.Git(t, work, "lfs", "install", "--local", "--force")
	hosttest.Git(t, work, "lfs", "pull")
	content, err := os.ReadFile(filepath.Join(work, s.Path))
	require.NoError(t, err)
	require.Equal(t, s.Content, content)
	require.Equal(t, 1, s.Total(Batch))
	require.Equal(t, 1, s.Count(s.OID))
	require.Len(t, s.Counts(), 8)
}

func TestObjectIsServedUnderEachOfItsURLs(t *testing.T) {
	s := serve(t)
	_, template := s.URLs("")
	fill := strings.NewReplacer("{commit}", s.Commit, "{path}", s.Path, "{oid}", s.OID, "{oid0}", s.OID[:2], "{oid1}", s.OID[2:4])
	for _, url := range []string{template, ObjectsByOID, ObjectsByDir} {
		response, content, err := s.Get(t, fill.Replace(url))
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, response.StatusCode, url)
		require.Equal(t, s.Content, content)
		require.Equal(t, `"`+s.OID+`"`, response.Header.Get("ETag"))
	}
	require.Equal(t, 3, s.Count(s.OID))
}

func TestObjectOfAReplacedCommitIsStillServed(t *testing.T) {
	s := serve(t)
	_, err := s.Repository.Push(hosttest.Release(t, 1))
	require.NoError(t, err)
	response, _, _ := s.Get(t, mediaPrefix+s.Commit+"/"+s.Path)
	require.Equal(t, http.StatusOK, response.StatusCode)
}

func TestPartOfAnObject(t *testing.T) {
	s := serve(t)
	response, content, err := s.Get(t, "/objects/"+s.OID, "Range", "bytes=10-19")
	require.NoError(t, err)
	require.Equal(t, http.StatusPartialContent, response.StatusCode)
	require.True(t, bytes.Equal(s.Content[10:20], content))
}

func TestWhatIsNoObjectIsNotFound(t *testing.T) {
	s := serve(t)
	for _, url := range []string{
		"/objects/" + strings.Repeat("0", 64), "/objects/repo.git", "/objects/xx/yy/" + s.OID,
		mediaPrefix + s.Commit + "/README.md", mediaPrefix + s.Commit + "/none.tar.xz",
		mediaPrefix + strings.Repeat("0", 40) + "/" + s.Path, "/aws/another.git/info/refs",
	} {
		response, _, _ := s.Get(t, url)
		require.Equal(t, http.StatusNotFound, response.StatusCode, url)
	}
}
