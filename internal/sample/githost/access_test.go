package githost

import (
	"lambdabase/internal/sample/hosttest"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const good = "Basic eC1hY2Nlc3MtdG9rZW46c2VjcmV0" // x-access-token:secret

func TestPrivateRepositoryWantsACredential(t *testing.T) {
	s, refs := serve(t), RepositoryPath+"/info/refs?service=git-upload-pack"
	s.SetAccess(Access{Accept: []string{"Bearer other", good}})
	for credential, status := range map[string]int{
		"": 401, "Basic x": 401, "Basic": 401, "Bearer eC1hY2Nlc3MtdG9rZW46c2VjcmV0": 401, good + "x": 401,
		good: 200, "basic" + strings.TrimPrefix(good, "Basic"): 200, "Bearer other": 200,
	} {
		header := []string{"Authorization", credential}
		if credential == "" {
			header = nil
		}
		response, _, _ := s.Get(t, refs, header...)
		require.Equal(t, status, response.StatusCode, credential)
		require.Equal(t, status == 401, response.Header.Get("WWW-Authenticate") != "", credential)
		response, body := s.Post(t, batchPath, hosttest.DownloadBody(s.OID), header...)
		require.Equal(t, status, response.StatusCode, credential)
		if status == 401 {
			require.Contains(t, response.Header.Get("LFS-Authenticate"), "Basic realm=")
			require.Contains(t, string(body), `{"message":`)
		}
	}
	response, _, _ := s.Get(t, "/objects/"+s.OID)
	require.Equal(t, 200, response.StatusCode, "unless told otherwise")
	s.SetAccess(Access{})
	response, _, _ = s.Get(t, refs)
	require.Equal(t, 200, response.StatusCode)
}

func TestPrivateRepositoryAnswersAsToldTo(t *testing.T) {
	s := serve(t)
	s.SetAccess(Access{Accept: []string{good}, Missing: 404, Wrong: 403})
	response, _ := s.Post(t, batchPath, hosttest.DownloadBody(s.OID))
	require.Equal(t, 404, response.StatusCode)
	require.Empty(t, response.Header.Get("LFS-Authenticate"))
	response, _ = s.Post(t, batchPath, hosttest.DownloadBody(s.OID), "Authorization", "Basic x")
	require.Equal(t, 403, response.StatusCode)
}

func TestObjectsArePrivateByEachOfTheirURLs(t *testing.T) {
	s := serve(t)
	byURL := mediaPrefix + s.Commit + "/" + s.Path
	for _, tc := range []struct {
		access        Access
		stored, byURL int
	}{
		{Access{}, 200, 200},
		{Access{SignedURLs: true}, 401, 200},
		{Access{PlainURLs: true}, 200, 401},
	} {
		tc.access.Accept = []string{good}
		s.SetAccess(tc.access)
		signed := strings.TrimPrefix(s.action(t, "Authorization", good).Href, s.URL)
		response, _, _ := s.Get(t, signed)
		require.Equal(t, tc.stored, response.StatusCode)
		response, _, _ = s.Get(t, byURL)
		require.Equal(t, tc.byURL, response.StatusCode)
	}
	response, body, _ := s.Get(t, byURL, "Authorization", good)
	require.Equal(t, 200, response.StatusCode)
	require.Equal(t, s.Content, body)
}

func TestGiteaTakesBasicOnlyAndHandsItOn(t *testing.T) {
	s := serve(t)
	s.SetAccess(Access{Accept: []string{good, "Bearer b"}, Gitea: true})
	response, _ := s.Post(t, batchPath, hosttest.DownloadBody(s.OID), "Authorization", "Bearer b")
	require.Equal(t, http.StatusUnauthorized, response.StatusCode)
	a := s.action(t, "Authorization", good)
	require.Equal(t, map[string]string{"Authorization": good}, a.Header)
	response, body := s.Follow(t, a.Href, a.Header)
	require.Equal(t, 200, response.StatusCode)
	require.Equal(t, s.Content, body)
	a.Header = nil
	response, _ = s.Follow(t, a.Href, a.Header)
	require.Equal(t, http.StatusUnauthorized, response.StatusCode)
}

func TestTokenOfSSHIsGoodForTheBatchAlone(t *testing.T) {
	s := serve(t)
	s.SetAccess(Access{Accept: []string{good}})
	valid := "RemoteAuth " + s.IssueToken(time.Now().Add(time.Hour))
	for credential, status := range map[string]int{
		valid: 200, "RemoteAuth " + Token: 401, "RemoteAuth " + s.IssueToken(time.Now()): 401,
	} {
		response, _ := s.Post(t, batchPath, hosttest.DownloadBody(s.OID), "Authorization", credential)
		require.Equal(t, status, response.StatusCode)
	}
	response, _, _ := s.Get(t, RepositoryPath+"/info/refs?service=git-upload-pack", "Authorization", valid)
	require.Equal(t, 401, response.StatusCode)
}

func TestGitClonesWithTheCredential(t *testing.T) {
	s, dir := serve(t), t.TempDir()
	s.SetAccess(Access{Accept: []string{good}})
	url, _ := s.URLs(s.URL)
	require.Equal(t, s.Commit, strings.Fields(hosttest.Git(t, dir, "-c", "http.extraHeader=Authorization: "+good, "ls-remote", url, hosttest.Branch))[0])
	command := exec.Command("git", "ls-remote", url)
	command.Env = []string{"HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "PATH=/usr/bin:/bin"}
	require.Error(t, command.Run())
}
