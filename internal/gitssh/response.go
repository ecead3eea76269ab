package gitssh

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"time"

	"lambdabase/internal/weburl"

	"github.com/pkg/errors"
	"golang.org/x/net/http/httpguts"
)

// LFSAuth is where an LFS server is, and what it wants to be asked with.
type LFSAuth struct {
	Href      string            // http only to this very machine
	Header    map[string]string // a credential, in general
	ExpiresIn time.Duration     // 0: not said
	ExpiresAt time.Time         // zero: not said
}

// authResponse is the answer as git-lfs's documentation has it (docs/api/authentication.md).
type authResponse struct {
	Href      string            `json:"href"`
	Header    map[string]string `json:"header"`
	ExpiresIn int64             `json:"expires_in"` // seconds
	ExpiresAt string            `json:"expires_at"`
}

// parseResponse never repeats what it reads in an error: that holds a credential.
func parseResponse(dt []byte) (LFSAuth, error) {
	var r authResponse
	d := json.NewDecoder(bytes.NewReader(dt))
	if err := d.Decode(&r); err != nil {
		return LFSAuth{}, errors.New("git-lfs-authenticate didn't answer with the JSON that is expected: does a script on the server write something else?")
	}
	if _, err := d.Token(); err != io.EOF {
		return LFSAuth{}, errors.New("git-lfs-authenticate answered with something behind its JSON")
	}
	if err := checkHref(r.Href); err != nil {
		return LFSAuth{}, err
	}
	if err := checkHeader(r.Header); err != nil {
		return LFSAuth{}, err
	}
	a := LFSAuth{Href: r.Href, Header: r.Header, ExpiresIn: time.Duration(r.ExpiresIn) * time.Second}
	if a.ExpiresIn/time.Second != time.Duration(r.ExpiresIn) {
		return LFSAuth{}, errors.New("git-lfs-authenticate answered with an impossible expires_in")
	}
	if r.ExpiresAt == "" {
		return a, nil
	}
	var err error
	if a.ExpiresAt, err = time.Parse(time.RFC3339, r.ExpiresAt); err != nil {
		return LFSAuth{}, errors.New("git-lfs-authenticate answered with a malformed expires_at")
	}
	return a, nil
}

// checkHref refuses to go on in clear: the credential came over SSH, and would be readable on its way to the LFS server.
func checkHref(href string) error {
	u, err := url.Parse(href)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("git-lfs-authenticate answered without the URL of an LFS server")
	}
	if u.Scheme == "http" && !weburl.IsLoopback(u.Hostname()) {
		return errors.Errorf("git-lfs-authenticate names an LFS server without encryption (http://%s), which would show the credential to anybody on the way", u.Host)
	}
	return nil
}

func checkHeader(header map[string]string) error {
	for name, value := range header {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return errors.New("git-lfs-authenticate answered with a malformed header")
		}
	}
	return nil
}
