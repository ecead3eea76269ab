package gitssh

import (
	"context"

	"golang.org/x/crypto/ssh"
)

// CheckKnownHosts says what is wrong with the lines that a user gave as option known-hosts.
func CheckKnownHosts(option string) error {
	_, err := parseKnownHosts(option)
	return err
}

// ClientConfig returns one that logs in to the remote for whoever speaks git to it. The connection to the agent is open
// until ctx ends.
func (a Authenticator) ClientConfig(ctx context.Context) (*ssh.ClientConfig, error) {
	known, err := lookupHost(a.KnownHosts, a.Remote.Host)
	if err != nil {
		return nil, err
	}
	signers, err := signers(ctx, a.Agent)
	if err != nil {
		return nil, err
	}
	verifier := &hostKeyVerifier{host: a.Remote.Host, known: known}
	return verifier.clientConfig(a.Remote.User, signers), nil
}
