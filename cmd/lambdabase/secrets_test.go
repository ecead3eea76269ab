package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lambdabase/internal/usergit"

	sessionsecrets "github.com/moby/buildkit/session/secrets"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

func TestSecretsAreReadAsBuildxReadsThem(t *testing.T) {
	for s, want := range map[string]secretsprovider.Source{
		"id=a,env=B":               {ID: "a", Env: "B"},
		"id=a,src=/b":              {ID: "a", FilePath: "/b"},
		"source=b,id=a,type=file":  {ID: "a", FilePath: "b"},
		"id=GIT_AUTH_TOKEN.h:8443": {ID: "GIT_AUTH_TOKEN.h:8443"},
		"id=a,src=B,type=env":      {ID: "a", Env: "B"},
		`id=a,"src=b,c"`:           {ID: "a", FilePath: "b,c"},
	} {
		got, err := parseSecret(s)
		require.NoError(t, err, s)
		require.Equal(t, want, got, s)
	}
	for _, s := range []string{"token", "id=a,value=secret", `"id`} {
		_, err := parseSecret(s)
		require.ErrorContains(t, err, "want id=NAME with env=VARIABLE or src=FILE")
		require.NotContains(t, err.Error(), "=secret")
	}
}

// A secret that the user names for the repository goes before what git knows; what git knows is for its host only, and in
// the session under no name that a RUN could ask by.
func TestWhatGitKnowsServesTheRepositoryOnly(t *testing.T) {
	t.Setenv("A", "named\n")
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	require.NoError(t, os.WriteFile(filepath.Join(home, ".gitconfig"), []byte("[http]\n\textraheader = Authorization: Bearer known\n"), 0o600))
	const host, server = "git.example:8443", "lfs.example"
	for name, tc := range map[string]struct {
		secrets     []string
		named, ours map[string]string // in the session by BuildKit's names, and by the secret id
	}{
		"none":     {nil, nil, map[string]string{"." + host: "Bearer known", "." + server: "Bearer known"}},
		"token":    {[]string{"id=GIT_AUTH_TOKEN,env=A"}, map[string]string{"GIT_AUTH_TOKEN": "named"}, map[string]string{"." + server: "Bearer known"}},
		"of host":  {[]string{"id=GIT_AUTH_TOKEN." + host + ",env=A"}, map[string]string{"GIT_AUTH_TOKEN." + host: "named"}, map[string]string{"." + server: "Bearer known"}},
		"no port":  {[]string{"id=GIT_AUTH_TOKEN.git.example,env=A"}, map[string]string{"GIT_AUTH_TOKEN.git.example": "named"}, map[string]string{"." + host: "Basic eC1hY2Nlc3MtdG9rZW46bmFtZWQ=", "." + server: "Bearer known"}},
		"objects":  {[]string{"id=HTTP_AUTH_TOKEN_git.example,env=A"}, map[string]string{"HTTP_AUTH_TOKEN_git.example": "named"}, map[string]string{"." + host: "Bearer known", "." + server: "Bearer known"}},
		"server":   {[]string{"id=HTTP_AUTH_TOKEN_" + server + ",env=A"}, map[string]string{"HTTP_AUTH_TOKEN_" + server: "named"}, map[string]string{"." + host: "Bearer known"}},
		"header":   {[]string{"id=GIT_AUTH_HEADER,env=A"}, map[string]string{"GIT_AUTH_HEADER": "named"}, map[string]string{"": "named", "." + server: "Bearer known"}},
		"of other": {[]string{"id=GIT_AUTH_HEADER.other,env=A"}, map[string]string{"GIT_AUTH_HEADER.other": "named"}, map[string]string{".other": "named", "." + host: "Bearer known", "." + server: "Bearer known"}},
		"any":      {[]string{"id=any,env=A"}, map[string]string{"any": "named\n"}, map[string]string{"." + host: "Bearer known", "." + server: "Bearer known"}},
	} {
		s, err := newSecretStore(tc.secrets)
		require.NoError(t, err)
		s.addGitCredentials(t.Context(), usergit.Load(t.Context()), usergit.Remote{URL: "https://" + host + "/a.git"}, "https://"+server+"/a")
		require.Regexp(t, "^lambdabase-git-[A-Z2-7]{26,}$", s.gitSecretID)
		named, ours := map[string]string{}, map[string]string{}
		for _, suffix := range []string{"", "." + host, "." + server, ".git.example", ".other"} {
			for _, id := range []string{"GIT_AUTH_HEADER" + suffix, "GIT_AUTH_TOKEN" + suffix, "HTTP_AUTH_TOKEN_" + strings.TrimPrefix(suffix, ".")} {
				if value, err := s.GetSecret(t.Context(), id); err == nil {
					named[id] = string(value)
				}
			}
			if value, err := s.GetSecret(t.Context(), s.gitSecretID+suffix); err == nil {
				ours[suffix] = string(value)
			}
		}
		if value, err := s.GetSecret(t.Context(), "any"); err == nil {
			named["any"] = string(value)
		}
		require.Equal(t, tc.named, nilIfEmpty(named), name)
		require.Equal(t, tc.ours, ours, name)
	}
	for _, repository := range []string{"git@git.example:a.git", "http://git.example/a.git"} {
		s, err := newSecretStore(nil)
		require.NoError(t, err)
		s.addGitCredentials(t.Context(), usergit.Load(t.Context()), usergit.Remote{URL: repository}, "")
		require.Empty(t, s.gitSecretID, "SSH has its agent, and in clear nothing is sent")
		require.False(t, s.has("GIT_AUTH_HEADER.git.example"))
	}
}

// Where nothing but runtimes is built, no RUN can ask, and an id that is another each time would have steps run anew.
func TestWithoutADockerfileWhatGitKnowsHasGitsOwnNames(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	t.Setenv("A", "named")
	require.NoError(t, os.WriteFile(filepath.Join(home, ".gitconfig"), []byte("[http]\n\textraheader = Authorization: Bearer known\n"), 0o600))
	s, err := newSecretStore([]string{"id=GIT_AUTH_TOKEN.other,env=A"})
	require.NoError(t, err)
	s.noRun = true
	s.addGitCredentials(t.Context(), usergit.Load(t.Context()), usergit.Remote{URL: "https://git.example/a.git"}, "https://lfs.example/a")
	require.Empty(t, s.gitSecretID)
	for id, want := range map[string]string{
		"GIT_AUTH_HEADER.git.example": "Bearer known", "GIT_AUTH_HEADER.lfs.example": "Bearer known", "GIT_AUTH_TOKEN.other": "named",
		"GIT_AUTH_HEADER.other": "", "GIT_AUTH_HEADER": "", "GIT_AUTH_TOKEN.git.example": "", "HTTP_AUTH_HEADER_git.example": "", "git.example": "",
	} {
		got, err := s.GetSecret(t.Context(), id)
		require.Equal(t, want, string(got), id)
		require.Equal(t, want == "", errors.Is(err, sessionsecrets.ErrNotFound), id)
	}
}

func nilIfEmpty(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return m
}

func TestASecretThatCannotBeSentIsSaid(t *testing.T) {
	for value, want := range map[string]string{
		"token\r\n": "",
		"":          "repository https://git.example/a.git: secret GIT_AUTH_TOKEN is empty",
		"a\nb":      "repository https://git.example/a.git: secret GIT_AUTH_TOKEN holds a line break or another control character",
	} {
		t.Setenv("A", value)
		s, err := newSecretStore([]string{"id=GIT_AUTH_TOKEN,env=A"})
		require.NoError(t, err)
		got, _ := s.GetSecret(t.Context(), "GIT_AUTH_TOKEN")
		if err := s.checkSendable("https://git.example/a.git", ""); want != "" {
			require.EqualError(t, err, want)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, "token", string(got))
	}
}

func TestADockerfilesOwnSecretIsHandedOutAsItIs(t *testing.T) {
	t.Setenv("A", "a\nb\n")
	s, err := newSecretStore([]string{"id=GIT_AUTH_TOKEN_FILE,env=A"})
	require.NoError(t, err)
	got, err := s.GetSecret(t.Context(), "GIT_AUTH_TOKEN_FILE")
	require.NoError(t, err)
	require.Equal(t, "a\nb\n", string(got))
}
