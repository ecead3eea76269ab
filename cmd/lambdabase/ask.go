package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"lambdabase/frontend"
	"lambdabase/internal/lfsstore"
	"lambdabase/internal/printable"
	"lambdabase/internal/usergit"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/docker/cli/cli/config"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/cmd/buildctl/build"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	bksession "github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/util/progress/progresswriter"
	"github.com/pkg/errors"
	"github.com/spf13/pflag"
	"github.com/tonistiigi/fsutil"
	"golang.org/x/sync/errgroup"
)

// request has the flags of all commands that run the frontend.
type request struct {
	backend
	optionFlags  map[string]*string // of the frontend, by name
	flagSet      *pflag.FlagSet
	platforms    []string
	secretFlags  []string
	sshFlags     []string
	frontendOpts []string // options of the frontend as they are
	syntaxLine   string   // the line of a Dockerfile that names the frontend, with options too
	progressMode string
	noCache      bool
	sample       bool
	noRun        bool // nothing but runtimes is asked for: no RUN is anybody's
}

func (r *request) addFlags(f *pflag.FlagSet, progress string) {
	r.backend.addBackendFlags(f)
	r.flagSet, r.optionFlags = f, map[string]*string{}
	for _, o := range frontend.AllOptions() {
		if o.Name != "runtime" {
			r.optionFlags[o.Name] = f.String(o.Name, o.DefaultText, strings.ReplaceAll(o.Usage, "`", "'"))
		}
	}
	f.StringSliceVar(&r.platforms, "platform", nil, "platforms to build for; this machine's")
	f.StringArrayVar(&r.secretFlags, "secret", nil, "secret, as in 'id=GIT_AUTH_TOKEN.git.example,env=TOKEN' or 'id=...,src=file'")
	f.StringArrayVar(&r.sshFlags, "ssh", nil, "SSH agent or keys to forward, as in 'default' or 'default=~/.ssh/id_ed25519'; the agent that runs, for an SSH repository")
	f.StringArrayVar(&r.frontendOpts, "opt", nil, "option 'key=value' of BuildKit's Dockerfile frontend, as buildctl takes it")
	f.StringVar(&r.progressMode, "progress", progress, "auto, tty, plain, rawjson or quiet (BUILDKIT_PROGRESS)")
	f.BoolVar(&r.noCache, "no-cache", false, "do every step again")
	f.BoolVar(&r.sample, "sample", false, "take the runtimes from a sample of AWS's repository, made on the spot: for trying things without a network")
}

// attrs returns the options of the frontend.
func (r *request) attrs() (map[string]string, error) {
	attrs, err := build.ParseOpt(r.frontendOpts)
	if err != nil {
		return nil, errors.Wrap(err, "--opt")
	}
	if attrs == nil {
		attrs = map[string]string{}
	}
	for name, value := range r.optionFlags {
		if r.flagSet.Changed(name) {
			attrs[name] = *value
		}
	}
	if len(r.platforms) > 0 {
		attrs["platform"] = strings.Join(r.platforms, ",")
	}
	if r.noCache {
		attrs["no-cache"] = ""
	}
	return attrs, nil
}

// session solves several targets, on one BuildKit and with one display.
type session struct {
	*request
	client        *client.Client
	store         *lfsstore.Store
	git           usergit.Git
	secrets       *secretStore
	agentSocket   string // socket of the SSH agent
	agentID       string // under which the session has it, if nobody named it
	attachables   []bksession.Attachable
	progress      *progresswriter.MultiWriter
	cancelDisplay func()
	warnings      warnings
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
	dir, err := r.cacheDir("objects")
	if err != nil {
		return nil, err
	}
	s.store = lfsstore.NewStore(dir, s.lfsClient)
	var closer func() error
	r.warn = func(text string) { s.warnings.addText(printable.Name(text)) }
	if s.client, closer, err = r.connect(ctx); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, closer)
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
	s.git = loadGit(ctx)
	remote, err := resolveRemote(ctx, s.git, options.Repository)
	if err != nil {
		return err
	}
	if s.secrets, err = newSecretStore(s.request.secretFlags); err != nil {
		return err
	}
	s.secrets.noRun = s.noRun
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

// parseOptions returns the options that all targets have in common, as the frontend reads them.
func (r *request) parseOptions() (frontend.Options, error) {
	attrs, err := r.attrs()
	if err != nil {
		return frontend.Options{}, err
	}
	delete(attrs, "commit") // which goes with a runtime
	if r.syntaxLine != "" {
		attrs["cmdline"] = r.syntaxLine
	}
	return frontend.ParseOptions(attrs)
}

// frontendSession returns what the frontend is told of all this.
func (s *session) frontendSession(ctx context.Context) frontend.Session {
	return frontend.Session{
		GitSecret: s.secrets.gitSecretID, SSHAgent: s.agentID, HasSecret: s.secrets.has,
		Remote: func(repository string) (string, error) {
			remote, err := resolveRemote(ctx, s.git, repository)
			return remote.URL, err
		},
	}
}

// target is one thing to solve.
type target struct {
	name         string // before its steps in the progress; empty if it is the only one
	attrs        map[string]string
	mounts       map[string]fsutil.FS
	exports      []client.ExportEntry
	existingDirs []*existingDir // that files are written into
	cacheImports []client.CacheOptionsEntry
	cacheExports []client.CacheOptionsEntry
	onResult     func(*gateway.Result) // of the frontend, if anybody wants it
	build        func(frontend.Frontend) gateway.BuildFunc
}

// markDirsWritten marks dirs that are written into.
func (t target) markDirsWritten() {
	for _, dir := range t.existingDirs {
		dir.written.Store(true)
	}
}

// warnPartialDirs says of dirs that were there that they may have a part of the result.
func (t target) warnPartialDirs() {
	for _, dir := range t.existingDirs {
		dir.warnIfPartial()
	}
}

// solve solves all targets at once. One that fails ends the others.
func (s *session) solve(cmdCtx context.Context, targets ...target) ([]*client.SolveResponse, error) {
	responses, eg := make([]*client.SolveResponse, len(targets)), &errgroup.Group{}
	ctx, cancel := context.WithCancelCause(cmdCtx)
	defer cancel(nil)
	// All of them before the first begins: the display ends with the last that is known.
	var shown []chan *client.SolveStatus
	for _, t := range targets {
		shown = append(shown, s.progress.WithPrefix(t.name, t.name != "").Status())
	}
	for i, t := range targets {
		eg.Go(func() (err error) {
			responses[i], err = s.solveOne(ctx, cancel, t, shown[i])
			if err != nil {
				if t.name != "" {
					err = errors.Wrap(err, t.name)
				}
				cancel(err)
			}
			return err
		})
	}
	err := s.wait(cmdCtx, ctx, eg)
	if s.verbose() {
		s.warnings.print(os.Stderr)
	}
	if err == nil {
		s.dropObjects()
	}
	if err != nil && context.Cause(ctx) != nil { // not one of those that were ended
		err = context.Cause(ctx)
	}
	return responses, s.wrapUnavailable(withFlagHint(err))
}

// dropObjects removes what the daemon has by now. That it can't be is no reason for a build to fail.
func (s *session) dropObjects() {
	if err := s.store.Drop(); err != nil {
		fmt.Fprintf(os.Stderr, "objects that aren't needed any more stay: %v\n", printable.Name(err.Error()))
	}
}

func (s *session) solveOne(ctx context.Context, cancel context.CancelCauseFunc, t target, shown chan *client.SolveStatus) (*client.SolveResponse, error) {
	statuses := make(chan *client.SolveStatus)
	go s.warnings.watch(statuses, shown)
	build := t.build(frontend.Frontend{Today: time.Now(), ObjectStore: s.store, Session: s.frontendSession(ctx), XZ: s.xzDiagnoser()})
	files, exports := newExportReceiver(t.exports, t.markDirsWritten, cancel)
	return s.client.Build(files.withExports(ctx), client.SolveOpt{
		FrontendAttrs: t.attrs, LocalMounts: t.mounts,
		Exports: exports, CacheImports: t.cacheImports, CacheExports: t.cacheExports,
		Session:   append(slices.Clone(s.attachables), files),
		OCIStores: map[string]content.Store{lfsstore.StoreID: s.store},
	}, "", func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		res, err := build(ctx, c)
		if err == nil && t.onResult != nil {
			t.onResult(res)
		}
		return res, err
	}, statuses)
}

// How long a command that is to end waits for builds and their display: interrupted, it ends within a second.
const (
	failedGrace      = 5 * time.Second
	interruptedGrace = 400 * time.Millisecond
	displayGrace     = 100 * time.Millisecond
)

// wait waits for the builds and for their display, but not for long once the command is interrupted or a build has failed,
// which ends ctx: neither a daemon nor the reader of a pipe need ever answer.
func (s *session) wait(cmdCtx, ctx context.Context, eg *errgroup.Group) error {
	built := make(chan error, 1)
	go func() { built <- eg.Wait() }()
	var err error
	select {
	case err = <-built:
	case <-delayedDone(cmdCtx, interruptedGrace):
		err = s.abandon(ctx)
	case <-delayedDone(ctx, failedGrace):
		err = s.abandon(ctx)
	}
	select {
	case <-s.progress.Done():
	case <-delayedDone(cmdCtx, interruptedGrace+2*displayGrace):
	}
	return err
}

func (s *session) abandon(ctx context.Context) error {
	time.AfterFunc(displayGrace, s.cancelDisplay)
	return context.Cause(ctx)
}

// delayedDone returns a channel that is closed some time after the end of a context.
func delayedDone(ctx context.Context, d time.Duration) <-chan struct{} {
	done := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(d, func() { close(done) }) })
	return done
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
