package test

import (
	"cmp"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/sshforward/sshprovider"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// sshRepoServer is a host whose repository is reached over SSH.
type sshRepoServer struct {
	*repoServer
	ssh  *faults.SSHServer
	addr string
	key  string // file of the private key that it lets in
}

// serveSSH serves the host's repository over SSH too, with its LFS server behind git-lfs-authenticate.
func (h *repoServer) serveSSH(t testing.TB) *sshRepoServer {
	t.Helper()
	key, public := newSSHKey(t)
	s, err := faults.NewSSH(h.Repository, githost.SSHOptions{Authorized: []ssh.PublicKey{public}, Server: h.Server.Server, HTTP: h.URL})
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go s.Serve(l)
	t.Cleanup(func() { l.Close(); s.Close() })
	return &sshRepoServer{repoServer: h, ssh: s, addr: l.Addr().String(), key: key}
}

// newSSHKey is a file as ssh-keygen makes it, and the public key.
func newSSHKey(t testing.TB) (file string, public ssh.PublicKey) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(private, "")
	require.NoError(t, err)
	file = filepath.Join(t.TempDir(), "id_ed25519")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	signer, err := ssh.NewSignerFromKey(private)
	require.NoError(t, err)
	return file, signer.PublicKey()
}

// remoteOptions are the options that name the repository by SSH.
func (s *sshRepoServer) remoteOptions() []string {
	return []string{"repository", "ssh://git@" + s.addr + githost.RepositoryPath, "known-hosts", s.ssh.KnownHosts(s.addr)}
}

// withSSHKey is the request with an agent that holds a key.
func withSSHKey(t testing.TB, req sandbox.Request, file string) sandbox.Request {
	t.Helper()
	agent, err := sshprovider.NewSSHAgentProvider([]sshprovider.AgentConfig{{Paths: []string{file}}})
	require.NoError(t, err)
	req.Session = append([]session.Attachable{agent}, req.Session...)
	return req
}

func TestARepositoryOverSSHGivesTheSameImage(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	image, _ := frontendImage(t, d)
	s := serveUnique(t).withStoreHost(t).serveSSH(t)
	want := oneImage(t, d, s.request("nodejs20.x"))
	s.SetAccess(githost.Access{Accept: []string{"nobody"}}) // over HTTP
	list := s.request("", append(s.remoteOptions(), "requestid", "lambda.runtimes", "source", image)...)
	require.Contains(t, callSubrequest(t, d, withSSHKey(t, list, s.key)), `"nodejs20.x"`)

	for name, build := range map[string]func(file string){
		"session": func(file string) {
			got := oneImage(t, d, withSSHKey(t, s.byImage(image, "nodejs20.x", s.remoteOptions()...), s.key))
			require.Equal(t, want.Digest, got.Digest)
		},
		"buildctl": func(file string) {
			args := append([]string{"build", "--frontend=gateway.v0", "--ssh=default=" + s.key, "--output=type=oci,dest=" + file}, flags(s.byImage(image, "nodejs20.x", s.remoteOptions()...).Attrs, "--opt=", plainName)...)
			out, err := d.Buildctl(t, args...)
			require.NoError(t, err, out)
			requireDigest(t, file, want)
		},
		"buildx": func(file string) {
			args := append([]string{"build", "--builder=sandbox", "--provenance=false", "--ssh=default=" + s.key, "--build-arg=BUILDKIT_SYNTAX=" + image, "--output=type=oci,dest=" + file},
				flags(s.options("nodejs20.x", append(s.remoteOptions(), "objects", "lfs")...), "--build-arg=", buildArg)...)
			newBuildx(t, d).run(t, append(args, t.TempDir())...)
			requireDigest(t, file, want)
		},
	} {
		t.Run(name, func(t *testing.T) {
			d.Prune(t)
			s.Reset()
			before := len(s.ssh.Commands())
			build(filepath.Join(t.TempDir(), "image.tar"))
			var commands []string
			for _, c := range s.ssh.Commands()[before:] {
				require.Equal(t, "git", c.User)
				commands = append(commands, c.Line)
			}
			require.Contains(t, commands, "git-upload-pack '"+githost.RepositoryPath+"'")
			require.Contains(t, commands, "git-lfs-authenticate "+githost.RepositoryPath+" download")
			require.Zero(t, s.Total(githost.Git))
			require.Contains(t, s.authorizations(githost.Batch)[0], "RemoteAuth "+githost.Token)
			require.Equal(t, []string{""}, s.authorizations(githost.Object))
		})
	}
}

func TestWhatKeepsSSHFromServingIsSaid(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	image, _ := frontendImage(t, d)
	other, _ := newSSHKey(t)
	pretender := serveUnique(t).serveSSH(t)
	for name, tc := range map[string]struct {
		key                     string // file; of the user if empty, no agent if "-"
		knownHosts              func(s *sshRepoServer) string
		fault                   faults.SSHFault
		build, list, objectOnly string // errors of a build, of lambda.runtimes, and of a build that asks for objects alone
	}{
		"no agent": {
			key: "-", build: "forward an SSH agent: --ssh default: no SSH key", list: "forward an SSH agent: --ssh default", objectOnly: "forward an SSH agent: --ssh default",
		},
		"another key": {
			key: other, build: "no key of the SSH agent (--ssh default) may read it", list: "permission denied (publickey): {host} takes none of the 1 keys of the SSH agent for the user git",
			objectOnly: "permission denied (publickey): {host} takes none of the 1 keys of the SSH agent for the user git",
		},
		"an unknown host": {
			knownHosts: func(*sshRepoServer) string { return "" },
			build:      "the host key of {host} is not known: give the lines that ssh-keyscan", list: "the host key of {host} is not known", objectOnly: "the host key of {host} is not known",
		},
		"a changed host key": {
			knownHosts: func(s *sshRepoServer) string { return pretender.ssh.KnownHosts(s.addr) },
			build:      "the host key is not the one that is known: either somebody poses as the host", list: "the host key of {host} is not the one that is known", objectOnly: "the host key of {host} is not the one that is known",
		},
		"denied": {
			fault: faults.Denied(""),
			build: "the repository isn't there, or no key of the SSH agent", list: "repository not found, or no key of the SSH agent (--ssh default) may read it", objectOnly: "the server refuses: ERROR: Repository not found.",
		},
		"denied to git-lfs":                   {fault: faults.Denied(githost.LFSAuthenticate), build: "the server refuses: ERROR: Repository not found.", objectOnly: "the server refuses"},
		"no git-lfs":                          {fault: faults.NoCommand(), build: "the server has no Git LFS over SSH", objectOnly: "the server has no Git LFS over SSH"},
		"garbage":                             {fault: faults.Garbage(), build: "git-lfs-authenticate didn't answer with the JSON that is expected", objectOnly: "git-lfs-authenticate didn't answer"},
		"a token that is over before it says": {fault: faults.SSHFault{Command: githost.LFSAuthenticate, Lifetime: -time.Minute, ExpiresIn: 600, Times: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveUnique(t).withStoreHost(t).serveSSH(t)
			s.SetAccess(githost.Access{Accept: []string{"nobody"}})
			s.ssh.Inject(tc.fault)
			options := s.remoteOptions()
			if tc.knownHosts != nil {
				options = append(options, "known-hosts", tc.knownHosts(s))
			}
			checkout := s.checkoutRequest(t, "nodejs20.x", "", append(options, "source", image, "objects", "lfs")...)
			checkout.Func, checkout.Frontend = nil, "gateway.v0"
			for _, c := range []struct {
				req  sandbox.Request
				want string
			}{
				{s.byStep(image, "nodejs20.x", options...), tc.build},
				{s.request("", append(options, "requestid", "lambda.runtimes", "source", image)...), tc.list},
				{checkout, tc.objectOnly},
			} {
				if tc.key != "-" {
					c.req = withSSHKey(t, c.req, cmp.Or(tc.key, s.key))
				}
				_, err := d.Solve(t.Context(), t, c.req)
				if c.want == "" {
					require.NoError(t, err)
					continue
				}
				require.ErrorContains(t, err, strings.ReplaceAll(c.want, "{host}", s.addr))
			}
		})
	}
}

func TestADaemonWithoutSSHSaysSo(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t, sandbox.WithPath(sandbox.PathOf(t, "git", "sh", "xz")))
	s := serveUnique(t).serveSSH(t)
	_, err := d.Solve(t.Context(), t, withSSHKey(t, s.request("nodejs20.x", s.remoteOptions()...), s.key))
	require.ErrorContains(t, err, "the BuildKit daemon has no ssh: install openssh-client")
}
