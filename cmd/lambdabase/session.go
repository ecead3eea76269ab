package main

import (
	"context"
	"fmt"
	"os"
	"sync"

	"lambdabase/frontend"
	"lambdabase/internal/gitssh"
	"lambdabase/internal/lfs/transfer"
	"lambdabase/internal/lfsstore"
	"lambdabase/internal/printable"
	"lambdabase/internal/usergit"

	"github.com/docker/cli/cli/config"
	"github.com/moby/buildkit/client"
	bksession "github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/util/progress/progresswriter"
	"github.com/pkg/errors"
)

// session solves several targets, on one BuildKit and with one display.
type session struct {
	*request
	client        *client.Client
	store         *lfsstore.Store
	git           usergit.Git
	secrets       *secretStore
	agentSocket   string // socket of the SSH agent
	agentID       string // under which the session has it, if nobody named it
	layoutDir     string // of the OCI layout that is built from; empty: it is none
	attachables   []bksession.Attachable
	progress      *progresswriter.MultiWriter
	cancelDisplay func()
	warnings      warnings
	disconnect    func() error // ends BuildKit, where more is to be done without it
	closers       []func() error
}

// newSession gets everything ready.
func (r *request) newSession(ctx context.Context) (_ *session, err error) {
	if err := r.checkPrograms(); err != nil {
		return nil, err
	}
	s := &session{request: r}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if r.sample {
		closer, err := r.useSample()
		if err != nil {
			return nil, err
		}
		s.closers = append(s.closers, closer)
	}
	if err := s.setUpAttachables(ctx); err != nil {
		return nil, err
	}
	dir, err := r.ensureCacheDir("objects")
	if err != nil {
		return nil, err
	}
	s.store = lfsstore.NewStore(dir, s.lfsClient)
	var closer func() error
	r.warn = func(text string) { s.warnings.addText(printable.Name(text)) }
	if s.client, closer, err = r.connect(ctx); err != nil {
		return nil, err
	}
	s.disconnect = sync.OnceValue(closer)
	s.closers = append(s.closers, s.disconnect)
	shown, cancelDisplay := context.WithCancel(context.WithoutCancel(ctx))
	s.cancelDisplay = cancelDisplay
	display, err := progresswriter.NewPrinter(shown, os.Stderr, r.progressMode)
	if err != nil {
		return nil, &usageError{errors.Wrap(err, "--progress"), "lambdabase"}
	}
	s.progress = progresswriter.NewMultiWriter(progresswriter.ResetTime(display))
	return s, nil
}

// setUpAttachables gets ready what the daemon may ask for: secrets, SSH, and Docker's credentials.
func (s *session) setUpAttachables(ctx context.Context) (err error) {
	options, err := s.parseOptions()
	if err != nil {
		return err
	}
	s.git, s.layoutDir = loadGit(ctx), options.Layout()
	remote, err := resolveRemote(ctx, s.git, options.Repository)
	if err != nil {
		return err
	}
	if s.secrets, err = newSecretStore(s.request.secretFlags); err != nil {
		return err
	}
	s.secrets.noRun = s.noRun
	s.secrets.namingHost = s.noRun && !options.HasRepository() && s.locksOtherHosts()
	s.secrets.addGitCredentials(ctx, s.git, remote, options.ObjectSource.Server)
	if err := s.secrets.checkSendable(remote.URL, options.ObjectSource.Server); err != nil {
		return err
	}
	agents, id, err := sshAgents(s.sshFlags, remote.URL, s.noRun)
	if err != nil {
		return err
	}
	socket, stop, err := lfsAgent(s.sshFlags, remote.URL)
	if err != nil {
		return err
	}
	s.agentSocket, s.agentID, s.closers = socket, id, append(s.closers, stop)
	docker := authprovider.LoadAuthConfig(config.LoadDefaultConfigFile(os.Stderr))
	s.attachables = append(agents, secretsprovider.NewSecretProvider(s.secrets),
		authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{AuthConfigProvider: docker}))
	return nil
}

// frontendSession returns what the frontend is told of all this.
func (s *session) frontendSession(ctx context.Context) frontend.Session {
	return frontend.Session{
		GitSecret: s.secrets.gitSecretID, SSHAgent: s.agentID, HasSecret: s.secrets.has, OpenLayout: openLayout,
		Remote: func(repository string) (string, error) {
			remote, err := resolveRemote(ctx, s.git, repository)
			return remote.URL, err
		},
	}
}

// dropObjects removes what the daemon has by now. That it can't be is no reason for a build to fail.
func (s *session) dropObjects() {
	if err := s.store.RemoveRead(); err != nil {
		fmt.Fprintf(os.Stderr, "objects that aren't needed any more stay: %v\n", printable.Name(err.Error()))
	}
}

// close ends what was opened, in the other order.
func (s *session) close() error {
	var first error
	for i := len(s.closers) - 1; i >= 0; i-- {
		if err := s.closers[i](); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// lfsClient asks the batch API with the user's own credentials.
func (s *session) lfsClient(source lfsstore.Remote) (*transfer.Client, error) {
	access := lfsstore.ClientConfig{Secrets: s.secrets.source, Describe: s.secrets.describe, Agent: s.agentSocket, Transport: s.secrets.transport}
	if remote, isSSH, err := gitssh.ParseRemote(source.Repository); isSSH && err == nil {
		options, err := s.parseOptions()
		if err != nil {
			return nil, err
		}
		if access.KnownHosts, err = gitssh.KnownHosts(options.KnownHosts, remote.Host); err != nil {
			return nil, err
		}
	}
	return access.NewClient(source)
}
