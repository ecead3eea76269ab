package gitssh

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/pkg/errors"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// signers are the keys of the SSH agent.
func signers(ctx context.Context, socket string) ([]ssh.Signer, error) {
	if socket == "" {
		return nil, errors.New("no SSH agent: forward an SSH agent: --ssh default")
	}
	connection, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, errors.Wrap(err, "no SSH agent: forward an SSH agent: --ssh default")
	}
	closeOnDone(ctx, connection)
	signers, err := agent.NewClient(connection).Signers()
	if err != nil {
		return nil, errors.Wrap(err, "the SSH agent doesn't answer")
	}
	if len(signers) == 0 {
		return nil, errors.New("the SSH agent holds no keys: add one with ssh-add")
	}
	return signers, nil
}

// connect logs in to the remote's host, if that proves to be who it is known to be.
func connect(ctx context.Context, remote Remote, known knownHostLines, signers []ssh.Signer) (*ssh.Client, error) {
	address := remote.Host
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(strings.Trim(address, "[]"), "22")
	}
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	closeOnDone(ctx, connection)
	verifier := &hostKeyVerifier{host: remote.Host, known: known}
	client, channels, requests, err := ssh.NewClientConn(connection, address, verifier.clientConfig(remote.User, signers))
	if err != nil {
		return nil, verifier.wrapError(err, remote.User, len(signers))
	}
	return ssh.NewClient(client, channels, requests), nil
}

// closeOnDone closes a connection when the context ends: nothing else interrupts a read from it.
func closeOnDone(ctx context.Context, c io.Closer) {
	context.AfterFunc(ctx, func() { c.Close() })
}

const (
	// ChangedKeyHint is what to do about a host key that is another one than is known.
	ChangedKeyHint = "somebody poses as the host, or it has got a new key: " +
		"ask whoever runs it, and only if so give the new key as option known-hosts"
	// publicKeyDenied is said of a host that takes no key.
	publicKeyDenied = "permission denied (publickey)"
)

// isAuthFailure reports whether a host took no key, as x/crypto/ssh says it.
func isAuthFailure(err error) bool { return strings.Contains(err.Error(), "unable to authenticate") }

// hostKeyVerifier holds a host to its known keys.
type hostKeyVerifier struct {
	host        string
	known       knownHostLines
	mismatchErr error
}

func (v *hostKeyVerifier) clientConfig(user string, signers []ssh.Signer) *ssh.ClientConfig {
	return &ssh.ClientConfig{
		User:              user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signers...)},
		HostKeyCallback:   v.verify,
		HostKeyAlgorithms: hostKeyAlgorithms(v.known.keys()),
	}
}

func (v *hostKeyVerifier) verify(_ string, _ net.Addr, offered ssh.PublicKey) error {
	if !slices.ContainsFunc(v.known.keys(), func(key ssh.PublicKey) bool { return equal(key, offered) }) {
		v.mismatchErr = v.mismatch(offered.Type() + " " + ssh.FingerprintSHA256(offered))
	}
	return v.mismatchErr
}

func (v *hostKeyVerifier) mismatch(offers string) error {
	var known []string
	for _, key := range v.known.keys() {
		known = append(known, key.Type()+" "+ssh.FingerprintSHA256(key))
	}
	return errors.Errorf("the host key of %s is not the one that is known: it shows %s, known are %s. Either "+ChangedKeyHint,
		v.host, offers, strings.Join(known, ", "))
}

// wrapError says why there is no connection.
func (v *hostKeyVerifier) wrapError(err error, user string, keys int) error {
	var negotiation *ssh.AlgorithmNegotiationError
	switch {
	case v.mismatchErr != nil:
		return v.mismatchErr
	case errors.As(err, &negotiation) && negotiation.What == "host key":
		return v.mismatch("none but " + strings.Join(negotiation.RequestedAlgorithms, ", "))
	case strings.Contains(strings.ToLower(err.Error()), "too many authentication failures"): // OpenSSH's words
		return errors.Errorf(publicKeyDenied+": %s gave up before it had seen all %d keys of the SSH agent: forward one with the right key only", v.host, keys)
	case isAuthFailure(err):
		return errors.Errorf(publicKeyDenied+": %s takes none of the %d keys of the SSH agent for the user %s", v.host, keys, user)
	}
	return err
}
