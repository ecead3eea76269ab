package faults

import (
	"context"
	"io"
	"time"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"

	"golang.org/x/crypto/ssh"
)

// SSHFault is what goes wrong with a command. Its zero value changes nothing.
type SSHFault struct {
	Times   int    // how often; 0 = always
	Command string // githost.UploadPack or LFSAuthenticate; any if empty
	Hang    bool   // until the client leaves
	Stdout  string // with Stderr and Status in place of what the command does
	Stderr  string
	Status  int

	// Of git-lfs-authenticate.
	Lifetime  time.Duration // of the token; ten minutes if 0, over from the start if negative
	ExpiresIn int           // say this of it
	Href      string        // in place of the server's
}

// Garbage is an answer of git-lfs-authenticate that is no JSON.
func Garbage() SSHFault {
	return SSHFault{Command: githost.LFSAuthenticate, Stdout: "Welcome to the git host!\n"}
}

// NoCommand is a host without Git LFS.
func NoCommand() SSHFault {
	return SSHFault{Command: githost.LFSAuthenticate, Stderr: "bash: line 1: git-lfs-authenticate: command not found\n", Status: 127}
}

// Denied is a host that does not let the key see the repository, by this command or by any.
func Denied(command string) SSHFault {
	return SSHFault{Command: command, Stderr: githost.NotFound, Status: 1}
}

// SSHServer is one over SSH that goes wrong.
type SSHServer struct {
	*githost.SSHServer
	active active[SSHFault]
}

// NewSSH returns a server as githost.NewSSH does, which does nothing wrong until it is told to.
func NewSSH(r *sample.Repository, opts githost.SSHOptions) (*SSHServer, error) {
	s := &SSHServer{}
	opts.Intercept = s.intercept
	var err error
	s.SSHServer, err = githost.NewSSH(r, opts)
	return s, err
}

// Inject makes commands go wrong from now on.
func (s *SSHServer) Inject(fault SSHFault) { s.active.inject(fault, fault.Times) }

// ClearFaults ends all faults.
func (s *SSHServer) ClearFaults() { s.active.clear() }

func (s *SSHServer) intercept(ctx context.Context, channel ssh.Channel, command string, next func(githost.LFSAuth) int) int {
	fault, _ := s.active.take(func(f SSHFault) bool { return f.Command == "" || f.Command == command })
	if over, status := fault.run(ctx, channel); over {
		return status
	}
	return next(githost.LFSAuth{Href: fault.Href, Lifetime: fault.Lifetime, ExpiresIn: fault.ExpiresIn})
}

// run does what a fault does in place of the command, and says whether it did.
func (f SSHFault) run(ctx context.Context, channel ssh.Channel) (over bool, status int) {
	if f.Hang {
		<-ctx.Done()
		return true, 1
	}
	io.WriteString(channel.Stderr(), f.Stderr)
	io.WriteString(channel, f.Stdout)
	return f.Stdout != "" || f.Stderr != "" || f.Status != 0, f.Status
}
