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
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/util/progress/progresswriter"
	"github.com/pkg/errors"
	"github.com/spf13/pflag"
	"github.com/tonistiigi/fsutil"
	"golang.org/x/sync/errgroup"
)

// request is what every command asks the frontend with.
type request struct {
	place
	options   map[string]*string // of the frontend, by name
	set       *pflag.FlagSet
	platforms []string
	secrets   []string
	ssh       []string
	more      []string // options of the frontend as they are
	syntax    string   // the line of a Dockerfile that names the frontend, with options too
	progress  string
	noCache   bool
	sample    bool
	noRun     bool // nothing but runtimes is asked for: no RUN is anybody's
}

func (r *request) flags(f *pflag.FlagSet, progress string) {
	r.place.flags(f)
	r.set, r.options = f, map[string]*string{}
	for _, o := range frontend.Table() {
		if o.Name != "runtime" {
			r.options[o.Name] = f.String(o.Name, o.Default, strings.ReplaceAll(o.Usage, "`", "'"))
		}
	}
	f.StringSliceVar(&r.platforms, "platform", nil, "platforms to build for; this machine's")
	f.StringArrayVar(&r.secrets, "secret", nil, "secret, as in 'id=GIT_AUTH_TOKEN.git.example,env=TOKEN' or 'id=...,src=file'")
	f.StringArrayVar(&r.ssh, "ssh", nil, "SSH agent or keys to forward, as in 'default' or 'default=~/.ssh/id_ed25519'; the agent that runs, for an SSH repository")
	f.StringArrayVar(&r.more, "opt", nil, "option 'key=value' of BuildKit's Dockerfile frontend, as buildctl takes it")
	f.StringVar(&r.progress, "progress", progress, "auto, tty, plain, rawjson or quiet (BUILDKIT_PROGRESS)")
	f.BoolVar(&r.noCache, "no-cache", false, "do every step again")
	f.BoolVar(&r.sample, "sample", false, "take the runtimes from a sample of AWS's repository, made on the spot: for trying things without a network")
}

// attrs are the options of the frontend.
func (r *request) attrs() (map[string]string, error) {
	attrs, err := build.ParseOpt(r.more)
	if err != nil {
		return nil, errors.Wrap(err, "--opt")
	}
	if attrs == nil {
		attrs = map[string]string{}
	}
	for name, value := range r.options {
		if r.set.Changed(name) {
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

// asker asks the frontend for several things, on one BuildKit and with one display.
type asker struct {
	*request
	client     *client.Client
	store      *lfsstore.Store
	git        usergit.Git
	secrets    *secretStore
	agent      string // socket of the SSH agent
	agentID    string // under which the session has it, if nobody named it
	attached   []session.Attachable
	progress   *progresswriter.MultiWriter
	endDisplay func()
	warnings   warnings
	ends       []func() error
}

// open gets everything ready.
func (r *request) open(ctx context.Context) (_ *asker, err error) {
	if err := r.checkPrograms(); err != nil {
		return nil, err
	}
	a := &asker{request: r}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	if r.sample {
		end, err := r.takeSample()
		if err != nil {
			return nil, err
		}
		a.ends = append(a.ends, end)
	}
	if err := a.attach(ctx); err != nil {
		return nil, err
	}
	dir, err := r.folder("objects")
	if err != nil {
		return nil, err
	}
	a.store = lfsstore.NewStore(dir, a.lfsClient)
	var end func() error
	r.warn = func(text string) { a.warnings.addText(printable.Name(text)) }
	if a.client, end, err = r.connect(ctx); err != nil {
		return nil, err
	}
	a.ends = append(a.ends, end)
	shown, endDisplay := context.WithCancel(context.WithoutCancel(ctx))
	a.endDisplay = endDisplay
	display, err := progresswriter.NewPrinter(shown, os.Stderr, r.progress)
	if err != nil {
		return nil, &usageError{errors.Wrap(err, "--progress"), "lambdabase"}
	}
	a.progress = progresswriter.NewMultiWriter(progresswriter.ResetTime(display))
	return a, nil
}

// attach gets ready what the daemon may ask for: secrets, SSH, and Docker's credentials.
func (a *asker) attach(ctx context.Context) (err error) {
	options, err := a.parsed()
	if err != nil {
		return err
	}
	a.git = loadGit(ctx)
	remote, err := resolve(ctx, a.git, options.Repository)
	if err != nil {
		return err
	}
	if a.secrets, err = newSecretStore(a.request.secrets); err != nil {
		return err
	}
	a.secrets.noRun = a.noRun
	a.secrets.useGit(ctx, a.git, remote, options.Objects.Server)
	if err := a.secrets.check(remote.URL, options.Objects.Server); err != nil {
		return err
	}
	agents, id, err := agentsOf(a.ssh, remote.URL, a.noRun)
	if err != nil {
		return err
	}
	socket, end, err := ownAgent(a.ssh, remote.URL)
	if err != nil {
		return err
	}
	a.agent, a.agentID, a.ends = socket, id, append(a.ends, end)
	docker := authprovider.LoadAuthConfig(config.LoadDefaultConfigFile(os.Stderr))
	a.attached = append(agents, secretsprovider.NewSecretProvider(a.secrets),
		authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{AuthConfigProvider: docker}))
	return nil
}

// parsed are the options that all jobs have in common, as the frontend reads them.
func (r *request) parsed() (frontend.Options, error) {
	attrs, err := r.attrs()
	if err != nil {
		return frontend.Options{}, err
	}
	delete(attrs, "commit") // which goes with a runtime
	if r.syntax != "" {
		attrs["cmdline"] = r.syntax
	}
	return frontend.ParseOptions(attrs)
}

// session is what the frontend is told of all this.
func (a *asker) session(ctx context.Context) frontend.Session {
	return frontend.Session{
		GitSecret: a.secrets.gitID, SSHAgent: a.agentID, HasSecret: a.secrets.has,
		Remote: func(repository string) (string, error) {
			remote, err := resolve(ctx, a.git, repository)
			return remote.URL, err
		},
	}
}

// job is one thing to ask for.
type job struct {
	name     string // before its steps in the progress; empty if it is the only one
	attrs    map[string]string
	mounts   map[string]fsutil.FS
	exports  []client.ExportEntry
	existing []*existingDir // that files are written into
	imports  []client.CacheOptionsEntry
	caches   []client.CacheOptionsEntry
	handle   func(*gateway.Result) // of the frontend, if anybody wants it
	build    func(frontend.Frontend) gateway.BuildFunc
}

// begin marks dirs that are written into.
func (j job) begin() {
	for _, dir := range j.existing {
		dir.begun.Store(true)
	}
}

// tell says of dirs that were there that they may have a part of the result.
func (j job) tell() {
	for _, dir := range j.existing {
		dir.tell()
	}
}

// ask asks for all of it at once. One that fails ends the others.
func (a *asker) ask(command context.Context, jobs ...job) ([]*client.SolveResponse, error) {
	answers, eg := make([]*client.SolveResponse, len(jobs)), &errgroup.Group{}
	ctx, cancel := context.WithCancelCause(command)
	defer cancel(nil)
	// All of them before the first begins: the display ends with the last that is known.
	var shown []chan *client.SolveStatus
	for _, j := range jobs {
		shown = append(shown, a.progress.WithPrefix(j.name, j.name != "").Status())
	}
	for i, j := range jobs {
		eg.Go(func() (err error) {
			answers[i], err = a.one(ctx, cancel, j, shown[i])
			if err != nil {
				if j.name != "" {
					err = errors.Wrap(err, j.name)
				}
				cancel(err)
			}
			return err
		})
	}
	err := a.wait(command, ctx, eg)
	if a.shows() {
		a.warnings.print(os.Stderr)
	}
	if err == nil {
		a.dropObjects()
	}
	if err != nil && context.Cause(ctx) != nil { // not one of those that were ended
		err = context.Cause(ctx)
	}
	return answers, a.reached(withFlag(err))
}

// dropObjects removes what the daemon has by now. That it can't be is no reason for a build to fail.
func (a *asker) dropObjects() {
	if err := a.store.Drop(); err != nil {
		fmt.Fprintf(os.Stderr, "objects that aren't needed any more stay: %v\n", printable.Name(err.Error()))
	}
}

func (a *asker) one(ctx context.Context, cancel context.CancelCauseFunc, j job, shown chan *client.SolveStatus) (*client.SolveResponse, error) {
	statuses := make(chan *client.SolveStatus)
	go a.warnings.watch(statuses, shown)
	build := j.build(frontend.Frontend{Today: time.Now(), Objects: a.store, Session: a.session(ctx), XZ: a.xz()})
	files, exports := newReceiver(j.exports, j.begin, cancel)
	return a.client.Build(files.withExports(ctx), client.SolveOpt{
		FrontendAttrs: j.attrs, LocalMounts: j.mounts,
		Exports: exports, CacheImports: j.imports, CacheExports: j.caches,
		Session:   append(slices.Clone(a.attached), files),
		OCIStores: map[string]content.Store{lfsstore.StoreID: a.store},
	}, "", func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		res, err := build(ctx, c)
		if err == nil && j.handle != nil {
			j.handle(res)
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
func (a *asker) wait(command, ctx context.Context, eg *errgroup.Group) error {
	built := make(chan error, 1)
	go func() { built <- eg.Wait() }()
	var err error
	select {
	case err = <-built:
	case <-after(command, interruptedGrace):
		err = a.abandon(ctx)
	case <-after(ctx, failedGrace):
		err = a.abandon(ctx)
	}
	select {
	case <-a.progress.Done():
	case <-after(command, interruptedGrace+2*displayGrace):
	}
	return err
}

func (a *asker) abandon(ctx context.Context) error {
	time.AfterFunc(displayGrace, a.endDisplay)
	return context.Cause(ctx)
}

// after is closed some time after the end of a context.
func after(ctx context.Context, d time.Duration) <-chan struct{} {
	done := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(d, func() { close(done) }) })
	return done
}

// close ends what was opened, in the other order.
func (a *asker) close() error {
	var first error
	for i := len(a.ends) - 1; i >= 0; i-- {
		if err := a.ends[i](); err != nil && first == nil {
			first = err
		}
	}
	return first
}
