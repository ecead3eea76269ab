package main

import (
	"context"
	"net/http"
	"os"
	"strings"

	"lambdabase/internal/httpclient"
	"lambdabase/internal/lfsstore"
	"lambdabase/internal/secrets"

	sessionsecrets "github.com/moby/buildkit/session/secrets"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/pkg/errors"
	"github.com/tonistiigi/go-csvvalue"
)

// secretStore has the secrets that the user names, and what the user's git knows. BuildKit hands a session's secrets to
// whatever asks, a RUN of a Dockerfile too. So what nobody named is there under an id that only the frontend's own git
// sources and steps are told, if there is a Dockerfile.
type secretStore struct {
	named       sessionsecrets.SecretStore
	gitAuth     map[string]func() string // Authorization, by host that it may go to
	noRun       bool                     // nothing but the frontend's own git sources and steps asks
	namingHost  bool                     // one that the user names and that names no host isn't for git
	gitSecretID string                   // stands for GIT_AUTH_HEADER; empty if git has nothing, or may be asked by that
	caPEM       []byte                   // certificates in PEM to trust besides the system's: the secret that steps take too
	transport   *http.Transport          // that trusts them
}

func newSecretStore(specs []string) (*secretStore, error) {
	var sources []secretsprovider.Source
	for _, spec := range specs {
		source, err := parseSecret(spec)
		if err != nil {
			return nil, errors.Wrap(err, "--secret")
		}
		sources = append(sources, source)
	}
	named, err := secretsprovider.NewStore(sources)
	if err != nil {
		return nil, errors.Wrap(err, "--secret")
	}
	s := &secretStore{named: named, gitAuth: map[string]func() string{}}
	return s, s.loadCA()
}

// loadCA makes the transport, whose proxies are those of the environment.
func (s *secretStore) loadCA() error {
	s.transport = httpclient.NewTransport(httpclient.IdleTimeout)
	pem, ok := s.namedSource(secrets.CA)
	if !ok {
		return nil
	}
	s.caPEM = []byte(pem)
	return errors.Wrapf(httpclient.TrustCA(s.transport, s.caPEM), "secret %s", secrets.CA)
}

func parseSecret(s string) (secretsprovider.Source, error) {
	var source secretsprovider.Source
	fields, err := csvvalue.Fields(s, nil)
	if err != nil {
		return source, errors.New("want id=NAME with env=VARIABLE or src=FILE")
	}
	kind := ""
	for _, field := range fields {
		key, value, ok := strings.Cut(field, "=")
		switch {
		case !ok:
			return source, errors.New("want id=NAME with env=VARIABLE or src=FILE") // it may be the secret itself
		case value == "":
			return source, errors.Errorf("%s has no value", key)
		}
		switch key {
		case "id":
			source.ID = value
		case "env":
			source.Env = value
		case "src", "source":
			source.FilePath = value
		case "type":
			kind = value
		default:
			return source, errors.Errorf("unknown key %q, want id=NAME with env=VARIABLE or src=FILE", key)
		}
	}
	if kind == "env" && source.Env == "" {
		source.Env, source.FilePath = source.FilePath, ""
	}
	return source, checkSecret(source, kind)
}

// checkSecret finds what BuildKit finds only when the secret is asked for, or never.
func checkSecret(s secretsprovider.Source, kind string) error {
	if kind != "" && kind != "env" && kind != "file" {
		return errors.Errorf("type %q, want env or file", kind)
	}
	if s.Env != "" && s.FilePath != "" {
		return errors.New("give env or src, not both")
	}
	file := s.FilePath
	if _, isEnv := os.LookupEnv(s.ID); s.Env == "" && file == "" && !isEnv {
		file = s.ID
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return errors.Errorf("id %s: %s is a folder, want a file", s.ID, file)
	}
	return nil
}

// GetSecret is asked by BuildKit, by its own names and by the id of what git knows.
func (s *secretStore) GetSecret(_ context.Context, id string) ([]byte, error) {
	if s.noRun {
		return s.lookUp(id)
	}
	if s.gitSecretID != "" {
		if host, ok := strings.CutPrefix(id, s.gitSecretID); ok {
			return s.lookUp(secrets.GitHeader + host)
		}
	}
	return s.lookUpNamed(id)
}

// lookUp returns any secret by BuildKit's names; one that the user names goes before git's.
func (s *secretStore) lookUp(id string) ([]byte, error) {
	dt, err := s.lookUpNamed(id)
	if err == nil || !errors.Is(err, sessionsecrets.ErrNotFound) {
		return dt, err
	}
	host, ok := strings.CutPrefix(id, secrets.GitHeader+".")
	if authHeader := s.gitAuth[host]; ok && authHeader != nil {
		if header, err := secrets.HeaderValue(authHeader()); err == nil {
			return []byte(header), nil
		}
	}
	return nil, errors.WithStack(sessionsecrets.ErrNotFound)
}

// lookUpNamed returns what the user names. A credential is what is sent of it, so that BuildKit's git, which takes it as it is,
// reads it as everybody else does: without the line break that a file ends in.
func (s *secretStore) lookUpNamed(id string) ([]byte, error) {
	if s.namingHost && (id == secrets.GitHeader || id == secrets.GitToken) {
		return nil, errors.WithStack(sessionsecrets.ErrNotFound)
	}
	dt, err := s.named.GetSecret(context.Background(), id)
	if err != nil || !secrets.IsCredential(id) {
		return dt, err
	}
	value, err := secrets.HeaderValue(string(dt))
	return []byte(value), errors.Wrapf(err, "secret %s", id)
}

// source looks up all secrets as they are given, and namedSource those that the user names. Git's is none for a host that the
// user names a secret for, however that one spells it: who asks here knows all spellings.
func (s *secretStore) source(id string) (string, bool) {
	if dt, ok := s.namedSource(id); ok {
		return dt, true
	}
	if host, ok := strings.CutPrefix(id, secrets.GitHeader+"."); ok && s.firstNamed(secrets.HostIDs(host)) != "" {
		return "", false
	}
	dt, err := s.lookUp(id)
	return string(dt), err == nil
}

func (s *secretStore) namedSource(id string) (string, bool) {
	dt, err := s.named.GetSecret(context.Background(), id)
	return string(dt), err == nil
}

// checkSendable finds secrets for the repository, and for the server of its objects, that can't be sent.
func (s *secretStore) checkSendable(repository, server string) error {
	access := lfsstore.ClientConfig{Secrets: s.namedSource}
	_, err := access.NewClient(lfsstore.Remote{Repository: repository, Server: server})
	return errors.Wrapf(err, "repository %s", repository)
}

// has reports whether there is a secret, by BuildKit's names.
func (s *secretStore) has(id string) bool {
	_, ok := s.source(id)
	return ok
}

// describe returns whose a credential is that was refused.
func (s *secretStore) describe(id string) string {
	if s.isNamed(id) {
		return "secret " + id
	}
	return "from your git"
}
