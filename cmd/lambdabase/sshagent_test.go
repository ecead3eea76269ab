package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKeysThatAreFilesAreInAnAgent(t *testing.T) {
	const repository = "git@git.example:a.git"
	file := filepath.Join(t.TempDir(), "id")
	require.NoError(t, os.WriteFile(file, []byte("no key"), 0o600))
	_, _, err := lfsAgent([]string{"default=" + file}, repository)
	require.ErrorContains(t, err, "--ssh: key "+file)
	_, _, err = lfsAgent([]string{"default=" + file + ".none"}, repository)
	require.ErrorContains(t, err, "no such file or directory")

	t.Setenv("SSH_AUTH_SOCK", "/run/agent")
	for _, given := range [][]string{nil, {"default"}, {"other=" + file}} {
		socket, end, err := lfsAgent(given, repository)
		require.NoError(t, err)
		require.Equal(t, "/run/agent", socket)
		require.NoError(t, end())
	}
	socket, _, err := lfsAgent(nil, "https://git.example/a.git")
	require.NoError(t, err)
	require.Empty(t, socket)
}

func TestAnAgentThatNobodyNamedHasAnIDThatNobodyKnows(t *testing.T) {
	const repository = "git@git.example:a.git"
	t.Setenv("SSH_AUTH_SOCK", filepath.Join(t.TempDir(), "agent"))
	listener, err := net.Listen("unix", os.Getenv("SSH_AUTH_SOCK"))
	require.NoError(t, err)
	defer listener.Close()
	for given, unnamed := range map[string]bool{"": true, "other": true, "default": false} {
		attached, id, err := sshAgents(strings.Fields(given), repository, false)
		require.NoError(t, err)
		require.Len(t, attached, 1)
		require.Equal(t, unnamed, id != "", given)
		if unnamed {
			require.Regexp(t, "^lambdabase-ssh-[A-Z2-7]{26,}$", id)
		}
	}
	without, id, err := sshAgents(nil, repository, true)
	require.NoError(t, err)
	require.Len(t, without, 1)
	require.Empty(t, id, "no RUN can ask for it")
	attached, id, err := sshAgents(nil, "https://git.example/a.git", false)
	require.NoError(t, err)
	require.Empty(t, attached)
	require.Empty(t, id)
}
