package frontend

import (
	"io/fs"
	"net/url"
	"slices"
	"strings"

	"lambdabase/internal/catalog"
	"lambdabase/internal/document"
	"lambdabase/internal/exclude"
	"lambdabase/internal/gitssh"
	"lambdabase/internal/lfs"
	"lambdabase/internal/mirror"
	"lambdabase/internal/weburl"

	"github.com/moby/buildkit/util/suggest"
	"github.com/pkg/errors"
)

// Upstream is the repository that AWS publishes the base images in.
const Upstream = "https://github.com/aws/aws-lambda-base-images.git"

// LayerMode is how the layers of a base image are put together.
type LayerMode string

// The three modes. The root filesystem is the same with each.
const (
	LayersAuto  LayerMode = "auto"  // merge where that equals the recipe, else chain
	LayersMerge LayerMode = "merge" // unpacked apart; a conflict between two layers is an error
	LayersChain LayerMode = "chain" // unpacked one onto the other
)

// Options are what a user can ask for, parsed and checked.
type Options struct {
	Runtime      string
	Repository   string
	Commit       string // empty: the branch's head
	ObjectSource lfs.ObjectSource
	KnownHosts   string // the user's, as known_hosts has them
	Layers       LayerMode
	ECR          bool     // AWS's own images are taken from the snapshots too
	Lock         string   // lock file in the build context, or "none"; empty: the one that is found
	Exclude      []string // paths that are left out of the layers, as exclude.Parse returns them
	Annotations  bool     // manifests say where they come from

	mirror          mirror.Location // that the repository is; zero: it is one of git
	repositoryGiven bool
	repositoryNamed string // as it is named, where the user's git goes elsewhere for it; else empty
}

// HasRepository reports whether the user names the repository.
func (o Options) HasRepository() bool { return o.repositoryGiven }

// WithRepository returns the options with another repository.
func (o Options) WithRepository(repository string) (Options, error) {
	err := setRepository(&o, repository)
	return o, err
}

// Layout returns the folder of an OCI layout that the repository is; empty if it is none.
func (o Options) Layout() string { return o.mirror.Layout }

// Option is one row of the table that parsing, help and the table of docs/options.md come from.
type Option struct {
	Name        string // gateway option; also the key in a "# syntax=" line, and LAMBDABASE_<NAME> as a build argument
	DefaultText string
	Usage       string
	set         func(*Options, string) error
	IsList      bool // its value is a list with commas, so that a flag of its name may be given several times
}

// BuildArg returns the name of the option as a build argument. AWS's images have LAMBDA_ variables of their own, hence the prefix.
func (o Option) BuildArg() string {
	return buildArgPrefix + strings.ToUpper(strings.ReplaceAll(o.Name, "-", "_"))
}

// AllOptions returns the table of options: each is declared here, and nowhere else.
func AllOptions() []Option {
	return []Option{
		{"runtime", "", "the base image to build, for example `nodejs20.x`: any branch of the repository. No Dockerfile is read, and of the context a lock file at most. Without it, the Dockerfile is built", setRuntime, false},
		{"repository", Upstream, "Git URL of the snapshots: https, http, or SSH (`git@host:path`, `ssh://`); or a mirror, which has the objects too: `oci://registry/name`, and with the command `oci-layout:DIR`", setRepository, false},
		{"commit", "the branch's head", "full id of the commit to build, with `runtime`; a build pinned like this asks the repository for nothing that the daemon has", setCommit, false},
		{"objects", "auto", "where Git LFS objects come from: `lfs` (the repository's batch API), `lfs+https://host/path` (that of another server), a URL template with `{oid}` `{size}` `{path}` `{commit}` `{oid0}` `{oid1}` (the first and the second two digits of the oid), a mirror (`oci://registry/name`), or `auto`: where `repository` is a mirror, that one; else the object URLs of github.com, gitlab.com and codeberg.org, and `lfs` for what these refuse and for any other host", setObjects, false},
		{"known-hosts", "", "host keys of an SSH `repository`, as `ssh-keyscan` prints them; those of github.com, gitlab.com and codeberg.org are built in", setKnownHosts, false},
		{"layers", string(LayersAuto), "`merge`: layers are unpacked apart, a conflict between two is an error; `chain`: one onto the other; `auto`: merge, and chain where a conflict makes them differ. The root filesystem is the same", setLayers, false},
		{"ecr", ecrRegistry, "in a Dockerfile, `snapshot` also takes `public.ecr.aws/lambda/NAME:VERSION` and `amazon/aws-lambda-NAME:VERSION` (a bare version, or with `-x86_64` or `-arm64`) from the snapshots; `registry` leaves them to the registry. Source policies for the name don't see what is taken from the snapshots", setECR, false},
		{"lock", document.LockName + " if the context has one", "lock file in the build context, which says the commit and the objects of each runtime: a build asks no git server, and what is against the file, or not in it, is an error; `none` ignores it. No context, no lock", setLock, false},
		{"exclude", "", "paths to leave out of the layers, separated by commas, for example `/usr/local/bin/aws-lambda-rie`: files, or folders with all that is in them. They are taken as they are, without patterns, and no symlink on the way is followed. What Lambda or the entrypoint needs is refused", setExclude, true},
		{"annotations", annotationsNone, "`manifest`: the manifest of a base image has OCI annotations with its repository, commit and date (`source`, `revision`, `created`), and that of a Dockerfile's image with the registry's image that it stands on (`base.name`, `base.digest`); they take the place of `--annotation`s of the same name. Layers and config stay the same", setAnnotations, false},
	}
}

// LockNone is the value of option lock that ignores a lock file.
const LockNone = "none"

const (
	buildArgPrefix = "LAMBDABASE_"
	ecrRegistry    = "registry"
	ecrSnapshot    = "snapshot"
	syntaxOption   = "cmdline" // the "# syntax=" line, handed over by BuildKit

	annotationsNone     = "none"
	annotationsManifest = "manifest"
)

func setRuntime(o *Options, v string) error {
	o.Runtime = v
	return catalog.CheckName(v)
}

func setRepository(o *Options, v string) (err error) {
	o.Repository = v
	if mirror.IsLocation(v) {
		o.mirror, err = mirror.ParseLocation(v)
		return err
	}
	if remote, isSSH, err := gitssh.ParseRemote(v); isSSH {
		o.Repository = remote.String()
		return err
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return errors.New("want an https, http or SSH URL, or oci://registry/name")
	}
	if u.User != nil {
		return userInfoError(u)
	}
	if strings.ContainsAny(v, "?#") || strings.ContainsAny(u.Path, "?#") || strings.Trim(u.Path, "/") == "" {
		return errors.New("want a URL with a path and without query and fragment; the branch is option runtime, a commit is option commit")
	}
	return weburl.CheckPort(u)
}

// userInfoError says what to do about user information. A user's name may be a token, unless it is Azure DevOps's, which puts
// the name of the path's first part there.
func userInfoError(u *url.URL) error {
	const pass = "pass the token as the secret GIT_AUTH_TOKEN.%s instead (--secret id=GIT_AUTH_TOKEN.%s,env=...)"
	name := u.User.Username()
	owner, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	switch _, password := u.User.Password(); {
	case password:
		return errors.Errorf("URL of host %s has user information in it: "+pass, u.Host, u.Host, u.Host)
	case name == owner:
		return errors.Errorf("URL of host %s has a user in it: leave out %s@; where it is private, "+pass, u.Host, name, u.Host, u.Host)
	}
	return errors.Errorf("URL of host %s has user information in it: leave it out, with the @; where it is a token, "+pass, u.Host, u.Host, u.Host)
}

func setCommit(o *Options, v string) error {
	if !catalog.IsCommit(v) {
		return errors.Errorf("%q is no full commit id, want 40 or 64 lower-case hexadecimal digits", v)
	}
	o.Commit = v
	return nil
}

func setObjects(o *Options, v string) (err error) {
	o.ObjectSource, err = lfs.ParseSource(v)
	return err
}

func setKnownHosts(o *Options, v string) error {
	o.KnownHosts = v
	return gitssh.CheckKnownHosts(v)
}

func setLayers(o *Options, v string) error {
	modes := []string{string(LayersAuto), string(LayersMerge), string(LayersChain)}
	o.Layers = LayerMode(v)
	return oneOf(v, modes)
}

func setECR(o *Options, v string) error {
	o.ECR = v == ecrSnapshot
	return oneOf(v, []string{ecrRegistry, ecrSnapshot})
}

func setLock(o *Options, v string) error {
	o.Lock = v
	if v == LockNone || fs.ValidPath(v) && v != "." {
		return nil
	}
	return errors.Errorf("%q is no plain path of a file in the build context", v)
}

func setExclude(o *Options, v string) (err error) {
	o.Exclude, err = exclude.Parse(v)
	return err
}

func setAnnotations(o *Options, v string) error {
	o.Annotations = v == annotationsManifest
	return oneOf(v, []string{annotationsNone, annotationsManifest})
}

func oneOf(v string, choices []string) error {
	if slices.Contains(choices, v) {
		return nil
	}
	return suggest.WrapError(errors.Errorf("%q, want one of %s", v, strings.Join(choices, ", ")), v, choices, true)
}
