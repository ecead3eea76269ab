package branches

import (
	"context"
	"io"
	"strings"

	"lambdabase/internal/gitssh"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/pkg/errors"
	"golang.org/x/crypto/ssh"
)

// sshSession speaks git over SSH. go-git's own has no bound on what a server says of its refs, tells nobody that something came,
// and heeds no context before it is connected.
type sshSession struct {
	client *ssh.Client
	stdin  io.WriteCloser
	stdout io.ReadCloser
	stderr *firstBytes
	ended  func() error
	refs   *refs
}

func (r Remote) openSSH(ctx context.Context, remote gitssh.Remote, refs *refs, onRead func()) (*sshSession, error) {
	client, err := gitssh.Authenticator{Remote: remote, KnownHosts: r.KnownHosts, Agent: r.Agent}.Connect(ctx)
	if err != nil {
		return nil, err
	}
	onRead()
	s, err := startUploadPack(client, remote.Path, refs, onRead)
	if err != nil {
		client.Close()
		return nil, err
	}
	return s, nil
}

func startUploadPack(client *ssh.Client, path string, refs *refs, onRead func()) (*sshSession, error) {
	command, err := client.NewSession()
	if err != nil {
		return nil, errors.Wrap(err, "the server opens no session")
	}
	s := &sshSession{client: client, stderr: &firstBytes{}, ended: command.Wait, refs: refs}
	command.Stderr = s.stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.stdout = &notifyReader{io.NopCloser(stdout), onRead}
	if s.stdin, err = command.StdinPipe(); err != nil {
		return nil, err
	}
	return s, command.Start("git-upload-pack " + gitssh.Quote(path))
}

func (s *sshSession) AdvertisedReferencesContext(context.Context) (*packp.AdvRefs, error) {
	advertised := packp.NewAdvRefs()
	err := advertised.Decode(s.refs.reader(s.stdout))
	switch {
	case errors.Is(err, packp.ErrEmptyInput):
		return nil, s.refusal()
	case errors.Is(err, packp.ErrEmptyAdvRefs), err == nil && advertised.IsEmpty():
		return nil, transport.ErrEmptyRemoteRepository
	case err != nil:
		return nil, errors.Wrap(err, "branches over SSH")
	}
	transport.FilterUnsupportedCapabilities(advertised.Capabilities)
	return advertised, nil
}

// refusal is what a server says where it has nothing to tell. Hosts don't say otherwise that a key may not read a repository.
func (s *sshSession) refusal() error {
	_ = s.ended() // then all of it is there
	text := gitssh.OneLine(s.stderr.text)
	lower := strings.ToLower(text)
	for _, words := range []string{"not found", "not exist", "not appear", "could not be found", "no such repository", "access denied"} {
		if strings.Contains(lower, words) {
			return transport.ErrRepositoryNotFound
		}
	}
	if text == "" {
		return errors.New("the server says nothing of its branches")
	}
	return errors.Errorf("the server refuses: %s", text)
}

func (s *sshSession) UploadPack(_ context.Context, req *packp.UploadPackRequest) (*packp.UploadPackResponse, error) {
	if err := s.send(req); err != nil {
		return nil, errors.Wrap(err, "branches over SSH")
	}
	res := packp.NewUploadPackResponse(req)
	return res, errors.Wrap(res.Decode(s.stdout), "branches over SSH")
}

func (s *sshSession) send(req *packp.UploadPackRequest) error {
	if err := req.UploadRequest.Encode(s.stdin); err != nil {
		return err
	}
	if err := pktline.NewEncoder(s.stdin).EncodeString("done\n"); err != nil {
		return err
	}
	return s.stdin.Close()
}

// Close says that nothing more is wanted, and ends the connection.
func (s *sshSession) Close() error {
	_, _ = s.stdin.Write(pktline.FlushPkt)
	return s.client.Close()
}

// firstBytes keeps the beginning of what is written to it.
type firstBytes struct{ text []byte }

func (f *firstBytes) Write(p []byte) (int, error) {
	f.text = append(f.text, p[:min(len(p), maxFirstRef-len(f.text))]...)
	return len(p), nil
}
