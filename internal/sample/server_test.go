package sample

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What waits for something looks again after a tick; patience ends only what is hopeless, also on a busy machine.
const (
	waitTimeout = 2 * time.Minute
	tick        = 5 * time.Millisecond
)

const branch = "provided.al2023"

// testServer is a server of one runtime and one of its objects.
type testServer struct {
	*Server
	url        string
	repository *Repository
	commit     string
	path       string
	oid        string
	content    []byte
	others     []string // oids
}

func serve(t *testing.T) *testServer {
	t.Helper()
	b := upstream(t, UpstreamOptions{Branches: []string{branch}})[0]
	r, err := Create(t.TempDir(), []Branch{b})
	require.NoError(t, err)
	commit, err := r.Commit(branch)
	require.NoError(t, err)
	s := &testServer{Server: NewServer(r), repository: r, commit: commit}
	s.path = "x86_64/966fe476102910940292077dd2e7411e0e8a4beae2bfa76388a01a2c1f6a2651.tar.xz"
	s.content = b.LFS[s.path]
	s.oid, _ = r.oidAt(commit, s.path)
	for name := range b.LFS {
		if oid, _ := r.oidAt(commit, name); oid != s.oid {
			s.others = append(s.others, oid)
		}
	}
	host := httptest.NewServer(s.Server)
	t.Cleanup(host.Close)
	s.url = host.URL
	return s
}

// get is the answer to a GET and as much of its body as came.
func (s *testServer) get(t *testing.T, path string, header ...string) (*http.Response, []byte, error) {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, body, err
}

// git runs the real git with nobody's configuration.
func runGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	command := exec.Command("git", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "HOME="+dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_LFS_SKIP_SMUDGE=1")
	out, err := command.CombinedOutput()
	require.NoError(t, err, "git %s: %s", args, out)
	return strings.TrimSpace(string(out))
}

func TestShallowCloneOfABranch(t *testing.T) {
	s, dir := serve(t), t.TempDir()
	url, _ := s.URLs(s.url)
	for _, url := range []string{url, strings.TrimSuffix(url, ".git")} {
		work := filepath.Join(dir, filepath.Base(url))
		runGit(t, dir, "clone", "--quiet", "--depth", "1", "-b", branch, url, work)
		require.Equal(t, s.commit, runGit(t, work, "rev-parse", "HEAD"))
		require.Equal(t, "1", runGit(t, work, "rev-list", "--count", "--all"))
		content, err := os.ReadFile(filepath.Join(work, s.path))
		require.NoError(t, err)
		require.Equal(t, pointer(s.oid, int64(len(s.content))), content)
	}
	require.Positive(t, s.Total(Git))
	require.Zero(t, s.Total(Object)+s.Total(Batch))
}

func TestHeadIsMainWhichIsNoRuntime(t *testing.T) {
	s, dir := serve(t), t.TempDir()
	url, _ := s.URLs(s.url)
	require.Equal(t, "ref: refs/heads/main\tHEAD", strings.SplitN(runGit(t, dir, "ls-remote", "--symref", url, "HEAD"), "\n", 2)[0])
	require.Len(t, strings.Split(runGit(t, dir, "ls-remote", "--heads", url), "\n"), 2)
}

func TestReplacedCommitCanStillBeFetched(t *testing.T) {
	s, dir := serve(t), t.TempDir()
	url, _ := s.URLs(s.url)
	next := upstream(t, UpstreamOptions{Branches: []string{branch}, Release: 1})[0]
	commit, err := s.repository.Push(next)
	require.NoError(t, err)
	require.NotEqual(t, s.commit, commit)
	require.Contains(t, runGit(t, dir, "ls-remote", url), commit+"\trefs/heads/"+branch)

	runGit(t, dir, "init", "--quiet")
	for _, id := range []string{s.commit, commit} {
		runGit(t, dir, "fetch", "--quiet", "--depth", "1", url, id)
		require.Equal(t, id, runGit(t, dir, "rev-parse", "FETCH_HEAD"))
	}
}

func TestNothingIsPushedOverTheNetwork(t *testing.T) {
	s := serve(t)
	response, _, _ := s.get(t, RepositoryPath+"/info/refs?service=git-receive-pack")
	require.Equal(t, http.StatusForbidden, response.StatusCode)
}

func TestGitLFSPullsThroughTheBatchAPI(t *testing.T) {
	if exec.Command("git", "lfs", "version").Run() != nil {
		t.Skip("git-lfs is not installed")
	}
	s, dir := serve(t), t.TempDir()
	url, _ := s.URLs(s.url)
	work := filepath.Join(dir, "work")
	runGit(t, dir, "clone", "--quiet", "--depth", "1", "-b", branch, url, work)
	runGit(t, work, "lfs", "install", "--local", "--force")
	runGit(t, work, "lfs", "pull")
	content, err := os.ReadFile(filepath.Join(work, s.path))
	require.NoError(t, err)
	require.Equal(t, s.content, content)
	require.Equal(t, 1, s.Total(Batch))
	require.Equal(t, 1, s.Count(s.oid))
	require.Len(t, s.Counts(), 8)
}

func TestObjectIsServedUnderEachOfItsURLs(t *testing.T) {
	s := serve(t)
	_, template := s.URLs("")
	fill := strings.NewReplacer("{commit}", s.commit, "{path}", s.path, "{oid}", s.oid, "{oid0}", s.oid[:2], "{oid1}", s.oid[2:4])
	for _, url := range []string{template, ObjectsByOID, ObjectsByDir} {
		response, content, err := s.get(t, fill.Replace(url))
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, response.StatusCode, url)
		require.Equal(t, s.content, content)
		require.Equal(t, `"`+s.oid+`"`, response.Header.Get("ETag"))
	}
	require.Equal(t, 3, s.Count(s.oid))
}

func TestObjectOfAReplacedCommitIsStillServed(t *testing.T) {
	s := serve(t)
	_, err := s.repository.Push(upstream(t, UpstreamOptions{Branches: []string{branch}, Release: 1})[0])
	require.NoError(t, err)
	response, _, _ := s.get(t, mediaPrefix+s.commit+"/"+s.path)
	require.Equal(t, http.StatusOK, response.StatusCode)
}

func TestPartOfAnObject(t *testing.T) {
	s := serve(t)
	response, content, err := s.get(t, "/objects/"+s.oid, "Range", "bytes=10-19")
	require.NoError(t, err)
	require.Equal(t, http.StatusPartialContent, response.StatusCode)
	require.True(t, bytes.Equal(s.content[10:20], content))
}

func TestWhatIsNoObjectIsNotFound(t *testing.T) {
	s := serve(t)
	for _, url := range []string{
		"/objects/" + strings.Repeat("0", 64), "/objects/repo.git", "/objects/xx/yy/" + s.oid,
		mediaPrefix + s.commit + "/README.md", mediaPrefix + s.commit + "/none.tar.xz",
		mediaPrefix + strings.Repeat("0", 40) + "/" + s.path, "/aws/another.git/info/refs",
	} {
		response, _, _ := s.get(t, url)
		require.Equal(t, http.StatusNotFound, response.StatusCode, url)
	}
}
