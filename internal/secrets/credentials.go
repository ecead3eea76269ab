package secrets

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"lambdabase/internal/weburl"

	"github.com/pkg/errors"
)

// Credentials says which Authorization goes to a URL.
type Credentials struct {
	Repository string // host[:port], with "http://" in front where the repository itself is asked in clear
	Secrets    Source
	// Describe names a secret in errors; nil: by its id.
	Describe func(id string) string
}

// Authorization returns the header for a URL and the secret it comes from, both empty where there is none. A secret that can't
// be sent counts as none: Check says so.
//
// A secret goes out over https only, with two exceptions: to this very machine, and in clear to the repository where that
// is asked in clear itself, as BuildKit does. A secret without a host goes to the repository's host and port only.
func (c Credentials) Authorization(u *url.URL) (value, name string) {
	if c.Secrets == nil || u == nil || !c.canSend(u) {
		return "", ""
	}
	for _, id := range c.ids(u) {
		if secret, ok := c.Secrets(id); ok {
			if secret, err := HeaderValue(secret); err == nil {
				return authorization(id, secret), c.describe(id)
			}
		}
	}
	return "", ""
}

func (c Credentials) describe(id string) string {
	if c.Describe == nil {
		return "secret " + id
	}
	return c.Describe(id)
}

// Hint returns what to do where a credential for a URL is missing or was refused.
func (c Credentials) Hint(u *url.URL) string {
	if !c.canSend(u) {
		return fmt.Sprintf("no credential is sent in clear to %s: use https", u.Host)
	}
	id := GitToken + "." + u.Host
	return fmt.Sprintf("pass a token as the secret %s (--secret id=%s,env=...)", id, id)
}

// Check names the secrets for the repository and the other hosts that are there and can't be used.
func (c Credentials) Check(others ...string) error {
	if c.Secrets == nil {
		return nil
	}
	var bad []string
	for _, id := range IDs(c.Repository, others...) {
		if secret, ok := c.Secrets(id); ok {
			if _, err := HeaderValue(secret); err != nil {
				bad = append(bad, fmt.Sprintf("secret %s %v", id, err))
			}
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return errors.New(strings.Join(bad, "; "))
}

// ids are the secrets for a URL, preferred ones first. The repository's secrets may spell its host as the repository does
// and not as the URL does, with the default port perhaps, or in capitals.
func (c Credentials) ids(u *url.URL) []string {
	if !c.isRepository(u) {
		return HostIDs(u.Host)
	}
	_, host := cutScheme(c.Repository)
	ids := append(gitIDs(u.Host), gitIDs(host)...)
	ids = append(ids, GitHeader, GitToken)
	return append(append(ids, httpIDs(u.Host)...), httpIDs(host)...)
}

func (c Credentials) canSend(u *url.URL) bool {
	switch strings.ToLower(u.Scheme) {
	case "https":
		return u.Host != ""
	case "http":
		scheme, _ := cutScheme(c.Repository)
		return weburl.IsLoopback(u.Hostname()) || scheme == "http" && c.isRepository(u)
	}
	return false
}

// isRepository reports whether a URL is at the repository's host and port.
func (c Credentials) isRepository(u *url.URL) bool {
	scheme, host := cutScheme(c.Repository)
	return host != "" && canonicalHost(scheme, host) == canonicalHost(strings.ToLower(u.Scheme), u.Host)
}

// canonicalHost is a host and its port, to compare.
func canonicalHost(scheme, host string) string {
	_, port, _ := net.SplitHostPort(host)
	if port == "" {
		port = weburl.DefaultPort(scheme)
	}
	return strings.ToLower(trimPort(host)) + ":" + port
}

// HeaderValue returns a secret's value as a header can carry it. A file or a variable often ends with a line break.
func HeaderValue(secret string) (string, error) {
	secret = strings.TrimRight(secret, "\r\n")
	if secret == "" {
		return "", errors.New("is empty")
	}
	if strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", errors.New("holds a line break or another control character")
	}
	return secret, nil
}
