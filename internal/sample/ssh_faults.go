package sample

import (
	"context"
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// notFound is what GitHub says of a repository that is not there or not to be seen.
const notFound = "ERROR: Repository not found.\n"

// SSHFault is what goes wrong with a command. Its zero value changes nothing.
type SSHFault struct {
	Times   int    // how often; 0 = always
	Command string // UploadPack or LFSAuthenticate; any if empty
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
	return SSHFault{Command: LFSAuthenticate, Stdout: "Welcome to the git host!\n"}
}

// NoCommand is a host without Git LFS.
func NoCommand() SSHFault {
	return SSHFault{Command: LFSAuthenticate, Stderr: "bash: line 1: git-lfs-authenticate: command not found\n", Status: 127}
}

// Denied is a host that does not let the key see the repository, by this command or by any.
func Denied(command string) SSHFault {
	return SSHFault{Command: command, Stderr: notFound, Status: 1}
}

// sshFaults in force, the latest first.
type sshFaults struct {
	mu     sync.Mutex
	active []*activeSSHFault
}

type activeSSHFault struct {
	fault SSHFault
	left  int
}

// Inject makes commands go wrong from now on.
func (f *sshFaults) Inject(fault SSHFault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active = append([]*activeSSHFault{{fault, fault.Times}}, f.active...)
}

// ClearFaults ends all faults.
func (f *sshFaults) ClearFaults() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active = nil
}

// faultFor is the fault of the command at hand, and uses it up by one.
func (f *sshFaults) faultFor(command string) SSHFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.active {
		if i.fault.Command != "" && i.fault.Command != command {
			continue
		}
		if i.fault.Times == 0 || i.left > 0 {
			i.left--
			return i.fault
		}
	}
	return SSHFault{}
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
