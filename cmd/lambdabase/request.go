package main

import (
	"maps"
	"os"
	"strings"

	"lambdabase/frontend"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/cmd/buildctl/build"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/pkg/errors"
	"github.com/spf13/pflag"
)

// request has the flags of all commands that run the frontend.
type request struct {
	backend
	optionFlags    map[string]*string // of the frontend, by name
	flagSet        *pflag.FlagSet
	platforms      []string
	secretFlags    []string
	sshFlags       []string
	frontendOpts   []string // options of the frontend as they are
	syntaxLine     string   // the line of a Dockerfile that names the frontend, with options too
	progressMode   string
	noCache        bool
	sample         bool
	repositoryLock string // lock file that says the repository where no option does; empty: none
	noRun          bool   // nothing but runtimes is asked for: no RUN is anybody's
}

func (r *request) addFlags(f *pflag.FlagSet, progress string) {
	r.backend.addBackendFlags(f)
	r.flagSet, r.optionFlags = f, map[string]*string{}
	for _, o := range frontend.AllOptions() {
		if o.Name != "runtime" {
			r.optionFlags[o.Name] = addOptionFlag(f, o)
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

func addOptionFlag(f *pflag.FlagSet, o frontend.Option) *string {
	usage := strings.ReplaceAll(o.Usage, "`", "'")
	if !o.IsList {
		return f.String(o.Name, o.DefaultText, usage)
	}
	var list string
	f.Var((*listFlag)(&list), o.Name, usage)
	return &list
}

// listFlag is a flag that may be given several times, and whose values are lists of the frontend's.
type listFlag string

func (l *listFlag) String() string { return string(*l) }

func (l *listFlag) Type() string { return "stringSlice" }

func (l *listFlag) Set(v string) error {
	if *l != "" && v != "" {
		v = string(*l) + "," + v
	}
	*l = listFlag(v)
	return nil
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
		if r.flagSet.Changed(name) && (name != "lock" || !r.noRun) { // a runtime has no context: see addLock
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
	options, err := frontend.ParseOptions(attrs)
	if err != nil || options.HasRepository() || r.repositoryLock == "" {
		return options, err
	}
	return r.withLockedRepository(options)
}

// verbose reports whether the user wants to see more than the result, and can read it.
func (r *request) verbose() bool {
	mode := r.resolvedProgress()
	return mode != "quiet" && mode != "rawjson"
}

// resolvedProgress returns the mode of the progress, with what the environment says where the flag says auto.
func (r *request) resolvedProgress() string {
	if fromEnv := os.Getenv("BUILDKIT_PROGRESS"); r.progressMode == "auto" && fromEnv != "" {
		return fromEnv
	}
	return r.progressMode
}

// checkRequest finds what makes no sense in a request for the runtimes, or for a Dockerfile if there are none, before
// anything is begun.
func (r *request) checkRequest(runtimes ...string) error {
	if r.sample && (r.flagSet.Changed("repository") || r.flagSet.Changed("objects")) {
		return errors.New("--sample has a repository and objects of its own: leave out --repository and --objects")
	}
	if err := r.checkOpts(); err != nil {
		return err
	}
	for _, p := range r.platforms {
		if _, err := platforms.Parse(p); err != nil {
			return errors.Wrap(err, "--platform")
		}
	}
	if _, err := newSecretStore(r.secretFlags); err != nil {
		return err
	}
	if _, _, err := sshAgents(r.sshFlags, "", r.noRun); err != nil {
		return err
	}
	if _, err := progressui.NewDisplay(os.Stderr, progressui.DisplayMode(r.progressMode)); err != nil {
		return errors.Wrap(err, "--progress")
	}
	return r.checkOptions(runtimes)
}

// checkOptions has the frontend look at its options here: on a daemon the same would be a build that failed.
func (r *request) checkOptions(runtimes []string) error {
	attrs, err := r.attrs()
	if err != nil {
		return err
	}
	if len(runtimes) == 0 {
		_, err := frontend.ParseOptions(attrs)
		return err
	}
	for _, name := range runtimes {
		own := maps.Clone(attrs)
		own["runtime"] = name
		if _, err := frontend.ParseOptions(own); err != nil {
			return err
		}
	}
	return nil
}
