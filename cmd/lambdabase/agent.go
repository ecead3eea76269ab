package main

import (
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/moby/buildkit/cmd/buildctl/build"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/sshforward"
	"github.com/moby/buildkit/session/sshforward/sshprovider"
	"github.com/pkg/errors"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// agentsOf are the SSH agents to forward. An SSH repository needs one, and where none is named for it, it gets the user's: under
// an id that only the frontend's own git sources and steps are told, as BuildKit forwards an agent to whatever asks. Without a
// RUN that could ask, the id is git's own, so that the steps are the same in the next run.
func agentsOf(given []string, repository string, noRun bool) (attached []session.Attachable, id string, err error) {
	configs, err := build.ParseSSH(given)
	if err != nil {
		return nil, "", errors.Wrap(err, "--ssh")
	}
	if isSSH(repository) && !slices.ContainsFunc(configs, isDefault) && os.Getenv("SSH_AUTH_SOCK") != "" {
		if !noRun {
			id = unguessable("ssh")
		}
		configs = append(configs, sshprovider.AgentConfig{ID: id})
	}
	if len(configs) == 0 {
		return nil, "", nil
	}
	provider, err := sshprovider.NewSSHAgentProvider(configs)
	if err != nil {
		return nil, "", errors.Wrap(err, "--ssh")
	}
	return []session.Attachable{provider}, id, nil
}

func isDefault(c sshprovider.AgentConfig) bool { return c.ID == "" || c.ID == sshforward.DefaultID }

// ownAgent is the socket of the agent that is asked for objects of an SSH repository: the one that git gets too. Keys that
// were given as files are in an agent of this process.
func ownAgent(given []string, repository string) (socket string, end func() error, err error) {
	none := func() error { return nil }
	configs, err := build.ParseSSH(given)
	if err != nil || !isSSH(repository) {
		return "", none, errors.Wrap(err, "--ssh")
	}
	for _, c := range configs {
		if !isDefault(c) || len(c.Paths) == 0 || c.Paths[0] == "" {
			continue
		}
		if info, err := os.Stat(c.Paths[0]); err == nil && info.Mode()&os.ModeSocket != 0 {
			return c.Paths[0], none, nil
		}
		return serveKeys(c.Paths)
	}
	return os.Getenv("SSH_AUTH_SOCK"), none, nil
}

func serveKeys(files []string) (socket string, end func() error, err error) {
	keys := agent.NewKeyring()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", nil, errors.Wrap(err, "--ssh")
		}
		key, err := ssh.ParseRawPrivateKey(text)
		if err != nil {
			return "", nil, errors.Wrapf(err, "--ssh: key %s", file)
		}
		if err := keys.Add(agent.AddedKey{PrivateKey: key}); err != nil {
			return "", nil, errors.Wrapf(err, "--ssh: key %s", file)
		}
	}
	dir, err := os.MkdirTemp("", "lambdabase") // which nobody else may enter
	if err != nil {
		return "", nil, errors.Wrap(err, "--ssh")
	}
	socket = filepath.Join(dir, "agent")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		os.RemoveAll(dir)
		return "", nil, errors.Wrap(err, "--ssh")
	}
	go answerFrom(keys, listener)
	return socket, func() error {
		listener.Close()
		return os.RemoveAll(dir)
	}, nil
}

func answerFrom(keys agent.Agent, listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			_ = agent.ServeAgent(keys, connection) // ends with the connection
		}()
	}
}
