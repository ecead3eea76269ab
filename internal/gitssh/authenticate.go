package gitssh

import (
	"context"
	"regexp"
	"strings"
	"time"

	"lambdabase/internal/redact"

	"github.com/pkg/errors"
	"golang.org/x/crypto/ssh"
)

// Authenticator asks an SSH remote for its LFS endpoint, as git-lfs does: it has the server run git-lfs-authenticate.
type Authenticator struct {
	Remote     Remote
	KnownHosts string        // as the user gave them, or as KnownHosts returned them
	Agent      string        // path of the SSH agent's socket
	Timeout    time.Duration // for all of it; 30 seconds if zero
}

const (
	defaultTimeout = 30 * time.Second
	maxResponse    = 64 << 10
	maxMessage     = 300
	// commandNotFound is a shell's exit status.
	commandNotFound = 127
)

var errTooLong = errors.Errorf("the answer has more than %d KiB", maxResponse>>10)

// Authenticate returns what the server says. It returns as soon as the context ends.
func (a Authenticator) Authenticate(ctx context.Context) (LFSAuth, error) {
	timeout := a.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errors.Errorf("no answer within %s", timeout))
	defer cancel() // which closes what was opened, too
	auth, err := a.authenticate(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return auth, errors.Wrapf(err, "ask %s over SSH for its LFS server", a.Remote.Host)
}

func (a Authenticator) authenticate(ctx context.Context) (LFSAuth, error) {
	client, err := a.Connect(ctx)
	if err != nil {
		return LFSAuth{}, err
	}
	defer client.Close()
	out, err := run(client, "git-lfs-authenticate "+shellQuote(a.Remote.Path)+" download")
	if err != nil {
		return LFSAuth{}, err
	}
	return parseResponse(out)
}

// Connect logs in to the remote's host. The connection ends with the context.
func (a Authenticator) Connect(ctx context.Context) (*ssh.Client, error) {
	known, err := lookupHost(a.KnownHosts, a.Remote.Host)
	if err != nil {
		return nil, err
	}
	signers, err := signers(ctx, a.Agent)
	if err != nil {
		return nil, err
	}
	return connect(ctx, a.Remote, known, signers)
}

// run returns the output of a command on the server.
func run(client *ssh.Client, command string) ([]byte, error) {
	session, err := client.NewSession()
	if err != nil {
		return nil, errors.Wrap(err, "the server opens no session")
	}
	stdout := &limitedBuffer{limit: maxResponse, onExceed: func() { client.Close() }}
	stderr := &limitedBuffer{limit: 16 * maxMessage}
	session.Stdout, session.Stderr = stdout, stderr
	err = session.Run(command)
	if stdout.exceeded {
		return nil, errTooLong
	}
	return stdout.buf, runError(err, stderr.buf)
}

func runError(err error, stderr []byte) error {
	var exit *ssh.ExitError
	switch message := OneLine(stderr); {
	case err == nil:
		return nil
	case !errors.As(err, &exit):
		return errors.Wrap(err, "the server didn't run git-lfs-authenticate to its end")
	case exit.ExitStatus() == commandNotFound:
		return errors.New("the server has no Git LFS over SSH: it doesn't know the command git-lfs-authenticate")
	case message == "":
		return errors.Errorf("the server refuses without a reason (exit status %d)", exit.ExitStatus())
	default:
		return errors.Errorf("the server refuses: %s (exit status %d)", message, exit.ExitStatus())
	}
}

// OneLine returns a message of the server as an error can hold it.
func OneLine(b []byte) string {
	printable := func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}
	// Redacted before lines are joined: a line break may tell where a secret ends.
	text := redact.Text(strings.ToValidUTF8(string(b), "?"))
	line := []rune(strings.Join(strings.Fields(strings.Map(printable, text)), " "))
	if len(line) > maxMessage {
		line = append(line[:maxMessage], []rune("...")...)
	}
	return string(line)
}

// plainPath is a path that no shell finds anything in. git-lfs quotes nothing, and not every server takes quotes off.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9/_.,:=@%+~-]+$`)

func shellQuote(path string) string {
	if plainPath.MatchString(path) {
		return path
	}
	return Quote(path)
}

// Quote returns a path as git quotes it for the shell of a server.
func Quote(path string) string { return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'" }

// limitedBuffer keeps the beginning of what is written to it.
type limitedBuffer struct {
	limit    int
	buf      []byte
	exceeded bool
	onExceed func() // if not nil, is called once there is more than the limit
}

func (c *limitedBuffer) Write(b []byte) (int, error) {
	rest := b[:min(len(b), c.limit-len(c.buf))]
	c.buf = append(c.buf, rest...)
	if len(rest) < len(b) && !c.exceeded {
		c.exceeded = true
		if c.onExceed != nil {
			c.onExceed()
		}
	}
	return len(b), nil
}
