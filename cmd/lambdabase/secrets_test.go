package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/stretchr/testify/require"
)

func TestSecretsAreReadAsBuildxReadsThem(t *testing.T) {
	for s, want := range map[string]secretsprovider.Source{
		"id=a,env=B":               {ID: "a", Env: "B"},
		"id=a,src=/b":              {ID: "a", FilePath: "/b"},
		"source=b,id=a,type=file":  {ID: "a", FilePath: "b"},
		"id=GIT_AUTH_TOKEN.h:8443": {ID: "GIT_AUTH_TOKEN.h:8443"},
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

// A secret that the user names for the repository goes before what git knows, and what git knows is for its host only.
func TestWhatGitKnowsServesTheRepositoryOnly(t *testing.T) {
	t.Setenv("A", "named")
	for name, tc := range map[string]struct {
		secrets []string
		want    map[string]string
	}{
		"none":     {nil, map[string]string{"GIT_AUTH_HEADER.git.example:8443": "known"}},
		"token":    {[]string{"id=GIT_AUTH_TOKEN,env=A"}, map[string]string{"GIT_AUTH_TOKEN": "named"}},
		"of host":  {[]string{"id=GIT_AUTH_TOKEN.git.example:8443,env=A"}, map[string]string{"GIT_AUTH_TOKEN.git.example:8443": "named"}},
		"header":   {[]string{"id=GIT_AUTH_HEADER,env=A"}, map[string]string{"GIT_AUTH_HEADER": "named"}},
		"of other": {[]string{"id=GIT_AUTH_TOKEN.other,env=A"}, map[string]string{"GIT_AUTH_TOKEN.other": "named", "GIT_AUTH_HEADER.git.example:8443": "known"}},
	} {
		s, err := newSecretStore(tc.secrets, "https://git.example:8443/a.git")
		require.NoError(t, err)
		s.known = func() string { return "known" }
		got := map[string]string{}
		for _, id := range []string{"GIT_AUTH_HEADER.git.example:8443", "GIT_AUTH_TOKEN.git.example:8443", "GIT_AUTH_HEADER", "GIT_AUTH_TOKEN", "GIT_AUTH_HEADER.git.example",
			"GIT_AUTH_HEADER.other", "GIT_AUTH_TOKEN.other", "HTTP_AUTH_TOKEN_git.example", "other"} {
			if value, ok := s.source(id); ok {
				got[id] = value
			}
		}
		require.Equal(t, tc.want, got, name)
	}
	s, err := newSecretStore(nil, "git@git.example:a.git")
	require.NoError(t, err)
	_, ok := s.source("GIT_AUTH_HEADER.git.example")
	require.False(t, ok, "SSH has its agent")
}

func TestKeysThatAreFilesAreInAnAgent(t *testing.T) {
	const repository = "git@git.example:a.git"
	file := filepath.Join(t.TempDir(), "id")
	require.NoError(t, os.WriteFile(file, []byte("no key"), 0o600))
	_, _, err := ownAgent([]string{"default=" + file}, repository)
	require.ErrorContains(t, err, "--ssh: key "+file)
	_, _, err = ownAgent([]string{"default=" + file + ".none"}, repository)
	require.ErrorContains(t, err, "no such file or directory")

	t.Setenv("SSH_AUTH_SOCK", "/run/agent")
	for _, given := range [][]string{nil, {"default"}, {"other=" + file}} {
		socket, end, err := ownAgent(given, repository)
		require.NoError(t, err)
		require.Equal(t, "/run/agent", socket)
		require.NoError(t, end())
	}
	socket, _, err := ownAgent(nil, "https://git.example/a.git")
	require.NoError(t, err)
	require.Empty(t, socket)
}
