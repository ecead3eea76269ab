package frontend

import (
	"net/url"
	"strings"

	"lambdabase/internal/gitssh"
	"lambdabase/internal/mirror"

	"github.com/pkg/errors"
)

// remote is a git repository, and what its host is known by if it is asked over SSH: without that git would trust any. Or it
// is a mirror, which git knows nothing of.
type remote struct {
	url      string // or the mirror's location
	hostKeys string
	mirror   mirror.Location
	locked   bool // a lock file alone names its host: a secret that names none isn't for that
}

// newRemote takes the user's known hosts, for what is not known by itself.
func newRemote(repository, knownHosts string) (remote, error) {
	if mirror.IsLocation(repository) {
		location, err := mirror.ParseLocation(repository)
		return remote{url: repository, mirror: location}, err
	}
	parsed, isSSH, err := gitssh.ParseRemote(repository)
	if err != nil || !isSSH {
		return remote{url: repository}, err
	}
	keys, err := gitssh.KnownHosts(knownHosts, parsed.Host)
	return remote{url: repository, hostKeys: keys}, errors.Wrapf(err, "repository %s", repository)
}

func (r remote) isMirror() bool { return !r.mirror.IsZero() }

func (r remote) isSSH() bool { return r.hostKeys != "" }

// host is host[:port] of the repository (see hostOf).
func (r remote) host() string { return hostOf(r.url) }

// sameRepository tells two spellings of one repository from two repositories.
func sameRepository(a, b string) bool { return canonicalRepository(a) == canonicalRepository(b) }

func canonicalRepository(repository string) string {
	scheme, host, name := "ssh", "", ""
	if remote, isSSH, err := gitssh.ParseRemote(repository); isSSH && err == nil {
		host, name = remote.User+"@"+strings.TrimSuffix(remote.Host, ":22"), remote.Path
	} else if u, err := url.Parse(repository); err == nil {
		port := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
		scheme, host, name = u.Scheme, strings.ToLower(strings.TrimSuffix(u.Host, port)), u.Path
	}
	return scheme + "://" + host + "/" + strings.TrimSuffix(strings.Trim(name, "/"), ".git")
}

// hostOf is host[:port] of a URL, and the host of an SSH remote: its port says nothing about the LFS server.
func hostOf(repository string) string {
	if remote, isSSH, err := gitssh.ParseRemote(repository); isSSH && err == nil {
		return remote.Hostname()
	}
	u, err := url.Parse(repository)
	if err != nil {
		return ""
	}
	return u.Host
}
