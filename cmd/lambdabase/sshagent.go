package main

import (
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/moby/buildkit/cmd/buildctl/build"
	bksession "github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/sshforward"
	"github.com/moby/buildkit/session/sshforward/sshprovider"
	"github.com/pkg/errors"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// sshAgents returns the SSH agents to forward. An SSH repository needs one, and where none is named for it, it gets the
// user's: under an id that only the frontend's own git sources and steps are told, as BuildKit forwards an agent to whatever
// asks. Without a RUN that could ask, the id is git's own, so that the steps are the same in the next run.
func sshAgents(specs []string, repository string, noRun bool) (attachables []bksession.Attachable, id string, err error) {
	configs, err := build.ParseSSH(specs)
	if err != nil {
		return nil, "", errors.Wrap(err, "--ssh")
	}
	if isSSH(repository) && !slices.ContainsFunc(configs, isDefaultAgent) && os.Getenv("SSH_AUTH_SOCK") != "" {
		if !noRun {
			id = randomID("ssh")
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
	return []bksession.Attachable{provider}, id, nil
}

func isDefaultAgent(c sshprovider.AgentConfig) bool {
	return c.ID == "" || c.ID == sshforward.DefaultID
}

// lfsAgent returns the socket of the agent that is asked for objects of an SSH repository: the one that git gets too. Keys that
// were given as files are in an agent of this process.
func lfsAgent(specs []string, repository string) (socket string, stop func() error, err error) {
	noStop := func() error { return nil }
	configs, err := build.ParseSSH(specs)
	if err != nil || !isSSH(repository) {
		return "", noStop, errors.Wrap(err, "--ssh")
	}
	for _, c := range configs {
		if !isDefaultAgent(c) || len(c.Paths) == 0 || c.Paths[0] == "" {
			continue
		}
		if info, err := os.Stat(c.Paths[0]); err == nil && info.Mode()&os.ModeSocket != 0 {
			return c.Paths[0], noStop, nil
		}
		return serveAgent(c.Paths)
	}
	return os.Getenv("SSH_AUTH_SOCK"), noStop, nil
}

func serveAgent(files []string) (socket string, stop func() error, err error) {
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
	go acceptLoop(keys, listener)
	return socket, func() error {
		listener.Close()
		return os.RemoveAll(dir)
	}, nil
}

func acceptLoop(keys agent.Agent, listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			_ = agent.ServeAgent(keys, conn) // ends with the connection
		}()
	}
}
