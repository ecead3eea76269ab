package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"lambdabase/internal/gitssh"
	"lambdabase/internal/lfs"
	"lambdabase/internal/objects"
	"lambdabase/internal/step"

	sessionsecrets "github.com/moby/buildkit/session/secrets"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/pkg/errors"
	"github.com/tonistiigi/go-csvvalue"
)

// idle is how long a server may say nothing.
const idle = 30 * time.Second

// secretStore has the secrets that the user names and, where the repository lets nobody in without, what the user's git
// knows of its host.
type secretStore struct {
	named      sessionsecrets.SecretStore
	repository *url.URL // nil if it is an SSH remote
	known      func() string
	authority  []byte          // certificates in PEM to trust besides the system's: the secret that steps take too
	transport  *http.Transport // that trusts them
}

func newSecretStore(given []string, repository string) (*secretStore, error) {
	var sources []secretsprovider.Source
	for _, g := range given {
		source, err := parseSecret(g)
		if err != nil {
			return nil, errors.Wrap(err, "--secret")
		}
		sources = append(sources, source)
	}
	named, err := secretsprovider.NewStore(sources)
	if err != nil {
		return nil, errors.Wrap(err, "--secret")
	}
	s := &secretStore{named: named, known: func() string { return "" }}
	if err := s.trust(); err != nil {
		return nil, err
	}
	if u, err := url.Parse(repository); err == nil && (u.Scheme == "https" || u.Scheme == "http") {
		s.repository = u
		s.known = sync.OnceValue(func() string {
			if !hasHelper(u) || s.public() {
				return ""
			}
			return gitCredential(u)
		})
	}
	return s, nil
}

// trust makes the transport, whose proxies are those of the environment.
func (s *secretStore) trust() error {
	s.transport = lfs.Transport(idle)
	pem, given := s.namedSource(step.CASecret)
	if !given {
		return nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return errors.Wrap(err, "certificates")
	}
	if !pool.AppendCertsFromPEM([]byte(pem)) {
		return errors.Errorf("secret %s: it holds no certificate in PEM", step.CASecret)
	}
	s.authority, s.transport.TLSClientConfig = []byte(pem), &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return nil
}

func parseSecret(s string) (secretsprovider.Source, error) {
	var source secretsprovider.Source
	fields, err := csvvalue.Fields(s, nil)
	if err != nil {
		return source, errors.New("want id=NAME with env=VARIABLE or src=FILE")
	}
	for _, field := range fields {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "id":
			source.ID = value
		case "env":
			source.Env = value
		case "src", "source":
			source.FilePath = value
		case "type":
		default:
			return source, errors.Errorf("unknown key %q, want id=NAME with env=VARIABLE or src=FILE", key)
		}
	}
	return source, nil
}

// GetSecret is asked by BuildKit, by its own names.
func (s *secretStore) GetSecret(ctx context.Context, id string) ([]byte, error) {
	dt, err := s.named.GetSecret(ctx, id)
	if err == nil || !errors.Is(err, sessionsecrets.ErrNotFound) {
		return dt, err
	}
	if s.repository != nil && id == "GIT_AUTH_HEADER."+s.repository.Host && !s.forRepository(ctx) {
		if known := s.known(); known != "" {
			return []byte(known), nil
		}
	}
	return nil, errors.WithStack(sessionsecrets.ErrNotFound)
}

// forRepository tells whether the user names a secret for the repository, which goes before what git knows: BuildKit would
// take the header first.
func (s *secretStore) forRepository(ctx context.Context) bool {
	for _, id := range []string{"GIT_AUTH_TOKEN." + s.repository.Host, "GIT_AUTH_HEADER", "GIT_AUTH_TOKEN"} {
		if _, err := s.named.GetSecret(ctx, id); err == nil {
			return true
		}
	}
	return false
}

// source has all secrets, and namedSource those that the user names.
func (s *secretStore) source(id string) (string, bool) {
	dt, err := s.GetSecret(context.Background(), id)
	return string(dt), err == nil
}

func (s *secretStore) namedSource(id string) (string, bool) {
	dt, err := s.named.GetSecret(context.Background(), id)
	return string(dt), err == nil
}

// hasHelper tells whether the user's git has somewhere to look.
func hasHelper(u *url.URL) bool {
	out, err := exec.Command("git", "config", "--get-urlmatch", "credential.helper", u.String()).Output()
	return err == nil && len(bytes.TrimSpace(out)) > 0
}

// public tells whether git gets at the repository without a credential, as git itself would find out.
func (s *secretStore) public() bool {
	client := &http.Client{Transport: s.transport, Timeout: idle}
	res, err := client.Get(s.repository.JoinPath("info/refs").String() + "?service=git-upload-pack")
	if err != nil {
		return true // the build will say what is wrong
	}
	res.Body.Close()
	return res.StatusCode < 400
}

// gitCredential is what the user's git has for a host, as an Authorization header; nobody is asked for it.
func gitCredential(u *url.URL) string {
	cmd := exec.Command("git", "credential", "fill")
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=true", "SSH_ASKPASS=true", "GCM_INTERACTIVE=never")
	cmd.Stdin = strings.NewReader("protocol=" + u.Scheme + "\nhost=" + u.Host + "\npath=" + strings.Trim(u.Path, "/") + "\n\n")
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	found := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		found[key] = value
	}
	if found["password"] == "" {
		return ""
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(found["username"]+":"+found["password"]))
}

// lfsClient asks the batch API with the user's own credentials.
func (a *asker) lfsClient(from objects.Source) (*lfs.Client, error) {
	access := objects.Access{Secrets: a.secrets.source, Agent: a.agent, Transport: a.secrets.transport}
	if remote, isSSH, err := gitssh.ParseRemote(from.Repository); isSSH && err == nil {
		if access.KnownHosts, err = gitssh.KnownHosts(*a.options["known-hosts"], remote.Host); err != nil {
			return nil, err
		}
	}
	return access.Client(from)
}

func isSSH(repository string) bool {
	_, is, err := gitssh.ParseRemote(repository)
	return is && err == nil
}
