// Package weburl parses and compares http and https URLs that come from outside.
package weburl

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/pkg/errors"
)

// Parse parses an absolute http or https URL without user information. Errors never repeat what may be a credential.
func Parse(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, errors.New("malformed URL")
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return nil, errors.New("no absolute http or https URL")
	}
	if err := CheckUserInfo(u); err != nil {
		return nil, err
	}
	if err := CheckPort(u); err != nil {
		return nil, err
	}
	return u, nil
}

// CheckPort refuses a port that there can't be, which net/http tells only when it dials.
func CheckPort(u *url.URL) error {
	if n, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || n == 0) {
		return errors.Errorf("URL of host %s has a port that is none from 1 to 65535", u.Host)
	}
	return nil
}

// CheckUserInfo refuses a URL with user information, which may be a credential, without repeating it.
func CheckUserInfo(u *url.URL) error {
	if u.User != nil {
		return errors.Errorf("URL of host %s has user information in it", u.Host)
	}
	return nil
}

// SameOrigin reports whether two URLs are of one server: what is meant for it may be sent to both.
func SameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return DefaultPort(u.Scheme)
}

// DefaultPort returns the port that a URL of the scheme means without naming it; empty where it isn't http or https.
func DefaultPort(scheme string) string {
	return map[string]string{"http": "80", "https": "443"}[scheme]
}

// IsLoopback reports whether host is a name or address of this very machine.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
