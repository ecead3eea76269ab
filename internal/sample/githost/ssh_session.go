package githost

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// NotFound is what GitHub says over SSH of a repository that is not there or not to be seen.
const NotFound = "ERROR: Repository not found.\n"

// The commands of a git host.
const (
	UploadPack      = "git-upload-pack"
	LFSAuthenticate = "git-lfs-authenticate"
)

// serveSession executes one command, as git hosts do; there is no shell.
func (s *SSHServer) serveSession(user string, channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	command := Command{User: user}
	for request := range requests {
		switch request.Type {
		case "env":
			request.Reply(setEnv(&command, request.Payload), nil)
		case "exec":
			var payload struct{ Line string }
			err := ssh.Unmarshal(request.Payload, &payload)
			request.Reply(err == nil, nil)
			command.Line = payload.Line
			s.record(command)
			s.serveCommand(channel, requests, command)
			return
		default:
			request.Reply(false, nil)
		}
	}
}

// serveCommand executes the command, and ends it when the client leaves: then the requests end.
func (s *SSHServer) serveCommand(channel ssh.Channel, requests <-chan *ssh.Request, command Command) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		ssh.DiscardRequests(requests)
		cancel()
	}()
	status := s.execute(ctx, channel, command)
	channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(status)}))
}

// setEnv takes GIT_PROTOCOL, as sshd's AcceptEnv does on git hosts.
func setEnv(c *Command, payload []byte) bool {
	var variable struct{ Name, Value string }
	if err := ssh.Unmarshal(payload, &variable); err != nil || variable.Name != "GIT_PROTOCOL" {
		return false
	}
	c.Protocol = variable.Value
	return true
}

// execute runs a command, unless that is intercepted, and returns its exit status.
func (s *SSHServer) execute(ctx context.Context, channel ssh.Channel, command Command) int {
	words := strings.Fields(command.Line)
	for i, word := range words {
		words[i] = strings.Trim(word, "'")
	}
	name := append(words, "")[0]
	run := func(auth LFSAuth) int { return s.run(ctx, channel, command, words, auth) }
	if s.opts.Intercept != nil {
		return s.opts.Intercept(ctx, channel, name, run)
	}
	return run(LFSAuth{})
}

func (s *SSHServer) run(ctx context.Context, channel ssh.Channel, command Command, words []string, auth LFSAuth) int {
	name := append(words, "")[0]
	switch {
	case name == UploadPack && len(words) == 2:
		return s.uploadPack(ctx, channel, words[1], command.Protocol)
	case name == LFSAuthenticate && len(words) == 3 && s.opts.Server != nil:
		return s.authenticate(channel, words[1], words[2], auth)
	}
	fmt.Fprintf(channel.Stderr(), "bash: line 1: %s: command not found\n", name)
	return 127
}

// checkRepository says whether the repository is at a path, and tells the client if not.
func checkRepository(channel ssh.Channel, path string) bool {
	path = "/" + strings.TrimPrefix(strings.TrimSuffix(path, ".git"), "/")
	if path+".git" == RepositoryPath {
		return true
	}
	io.WriteString(channel.Stderr(), NotFound)
	return false
}

// uploadPack hands over to git.
func (s *SSHServer) uploadPack(ctx context.Context, channel ssh.Channel, path, protocol string) int {
	if !checkRepository(channel, path) {
		return 1
	}
	git := exec.CommandContext(ctx, "git", "upload-pack", filepath.Join(s.repository.Dir, "repo.git"))
	git.Env = append(gitEnv(protocol), "PATH="+os.Getenv("PATH"))
	git.Stdout, git.Stderr = channel, channel.Stderr()
	in, err := git.StdinPipe() // not Stdin: git ends before the client closes its side
	if err != nil || git.Start() != nil {
		return 128
	}
	go func() {
		io.Copy(in, channel)
		in.Close()
	}()
	git.Wait()
	return git.ProcessState.ExitCode()
}

// authenticate gives a token for the batch API.
func (s *SSHServer) authenticate(channel ssh.Channel, path, operation string, auth LFSAuth) int {
	if !checkRepository(channel, path) {
		return 1
	}
	if operation != "download" {
		io.WriteString(channel.Stderr(), "ERROR: only download is offered.\n")
		return 1
	}
	lifetime := cmp.Or(auth.Lifetime, 10*time.Minute)
	token := s.opts.Server.IssueToken(time.Now().Add(lifetime))
	json.NewEncoder(channel).Encode(map[string]any{
		"href":       cmp.Or(auth.Href, s.opts.HTTP+RepositoryPath+"/info/lfs"),
		"header":     map[string]string{"Authorization": "RemoteAuth " + token},
		"expires_in": cmp.Or(auth.ExpiresIn, int(lifetime.Seconds())),
	})
	return 0
}
