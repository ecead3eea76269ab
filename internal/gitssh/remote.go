package gitssh

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// Remote is an SSH remote.
type Remote struct {
	User string // "git" where the remote names nobody
	Host string // host or host:port, in lower case
	Path string // with a leading slash if it stood in a URL, relative to the user's home if in user@host:path
}

var (
	sshSchemes = []string{"ssh", "git+ssh", "ssh+git"}
	schemeRE   = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*)://`)
	// scpRE matches git's short form; what stands before the first colon holds no slash.
	scpRE = regexp.MustCompile(`^(?:([^@/:]*)@)?([^@/:\[\]]*|\[.*\]):(.*)$`)
	// scpPasswordRE matches user:password@host:path, which git itself takes for a path on the host "user".
	scpPasswordRE = regexp.MustCompile(`^[^@/:]*:[^/]*@[^/:@]*:`)
	// What follows is BuildKit's own idea of the short form (util/sshutil of v0.33.1): others it doesn't take.
	userNameRE = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`)
	hostNameRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`)
	urlUserRE  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]*$`)
)

// ParseRemote reads ssh://[user@]host[:port]/path, with git+ssh too, or [user@]host:path. The result is false where it
// isn't SSH at all. A password in it is an error, which doesn't repeat it.
func ParseRemote(s string) (Remote, bool, error) {
	if m := schemeRE.FindStringSubmatch(s); m != nil {
		if !slices.Contains(sshSchemes, strings.ToLower(m[1])) {
			return Remote{}, false, nil
		}
		r, err := parseURL(s)
		return r, true, err
	}
	if scpPasswordRE.MatchString(s) {
		return Remote{}, true, errPassword
	}
	m := scpRE.FindStringSubmatch(s)
	if m == nil || m[2] == "" || m[1] == "" && slices.Contains([]string{"http", "https", "git", "file", "ssh"}, strings.ToLower(m[2])) {
		return Remote{}, false, nil
	}
	r, err := parseSCP(m[1], m[2], m[3])
	return r, true, err
}

var (
	errPassword = errors.New("a password in an SSH remote would end up in provenance and logs: forward an SSH agent instead (--ssh default)")
	errPath     = errors.New("want a path without query, fragment and control characters")
)

func parseURL(s string) (Remote, error) {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" {
		return Remote{}, errors.New("malformed SSH remote, want ssh://git@host/path") // url's own error repeats a password
	}
	if _, ok := u.User.Password(); ok {
		return Remote{}, errPassword
	}
	r := Remote{User: u.User.Username(), Host: strings.ToLower(u.Host), Path: u.Path}
	if r.User == "" {
		r.User = "git"
	}
	// A leading dash would be an option to git's ssh.
	if name := u.Hostname(); !urlUserRE.MatchString(r.User) || !hostNameRE.MatchString(name) && net.ParseIP(name) == nil || strings.HasSuffix(u.Host, ":") {
		return Remote{}, errors.New("odd user or host in the SSH remote")
	}
	if strings.Trim(u.Path, "/") == "" || strings.ContainsAny(s, "?#") || hasUnsafeChars(r.Path) {
		return Remote{}, errPath
	}
	return r, nil
}

func parseSCP(user, host, path string) (Remote, error) {
	if user == "" {
		user = "git"
	}
	if !userNameRE.MatchString(user) || !hostNameRE.MatchString(host) {
		return Remote{}, errors.New("BuildKit does not read such an SSH remote: write it as ssh://user@host:port/path")
	}
	if strings.Trim(path, "/") == "" || hasUnsafeChars(path) || strings.HasPrefix(path, "-") || strings.HasPrefix(path, ":") {
		return Remote{}, errPath
	}
	return Remote{User: user, Host: strings.ToLower(host), Path: path}, nil
}

func hasUnsafeChars(path string) bool {
	return strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f || r == '?' || r == '#' })
}

// Hostname returns the host without its port.
func (r Remote) Hostname() string {
	if name, _, err := net.SplitHostPort(r.Host); err == nil {
		return name
	}
	return r.Host
}

// String returns the remote as BuildKit reads it: that knows neither git+ssh nor a remote without a user.
func (r Remote) String() string {
	if strings.HasPrefix(r.Path, "/") {
		return (&url.URL{Scheme: "ssh", User: url.User(r.User), Host: r.Host, Path: r.Path}).String()
	}
	return r.User + "@" + r.Host + ":" + r.Path
}
