package lfs

import (
	"net/url"
	"strings"

	"lambdabase/internal/mirror"
	"lambdabase/internal/weburl"

	"github.com/pkg/errors"
)

// ObjectSource is where the objects of a repository come from. The zero value is "auto": what the repository's host tells.
type ObjectSource struct {
	Template Template        // of objects' own URLs; zero: the batch API is asked
	Server   string          // of the batch API ("https://host/path"), where it is not the repository's own
	Batch    bool            // the batch API is asked: first, or for what the template's host refuses
	Mirror   mirror.Location // whose blobs the objects are; zero: they are no blobs
}

const (
	sourceAuto  = "auto"
	sourceBatch = "lfs"
)

// ParseSource reads "auto", "lfs" (the repository's batch API), "lfs+https://host/path" (that of another server), a mirror
// ("oci://registry/name") or a template. Errors never repeat what may be a credential.
func ParseSource(s string) (ObjectSource, error) {
	switch server, other := strings.CutPrefix(s, sourceBatch+"+"); {
	case s == sourceAuto:
		return ObjectSource{}, nil
	case s == sourceBatch:
		return ObjectSource{Batch: true}, nil
	case other:
		return ObjectSource{Server: strings.TrimSuffix(server, "/"), Batch: true}, checkServerURL(server)
	}
	if mirror.IsLocation(s) {
		return parseMirror(s)
	}
	t, err := ParseTemplate(s)
	return ObjectSource{Template: t}, errors.Wrap(err, "want auto, lfs, lfs+https://host/path, oci://registry/name or a URL template")
}

func parseMirror(s string) (ObjectSource, error) {
	l, err := mirror.ParseLocation(s)
	if err == nil && l.Layout != "" {
		err = errors.New("an OCI layout has snapshots too: give it as option repository")
	}
	return ObjectSource{Mirror: l}, err
}

func checkServerURL(server string) error {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return errors.New("want lfs+https://host/path")
	}
	if err := weburl.CheckUserInfo(u); err != nil {
		return errors.Errorf("%v, which would end up in provenance and logs: pass a secret", err)
	}
	if strings.ContainsAny(server, "?#") {
		return errors.New("URL of an LFS server has no query and no fragment")
	}
	return weburl.CheckPort(u)
}

// IsAuto reports whether it is left to the repository.
func (s ObjectSource) IsAuto() bool { return s == ObjectSource{} }

// Resolve returns the source for a repository, with "auto" decided: the objects' own URLs on a host where their form is
// known, and its batch API for what that refuses; the batch API alone anywhere else. A mirror has its own.
func (s ObjectSource) Resolve(repository string) ObjectSource {
	if !s.IsAuto() {
		return s
	}
	if l, err := mirror.ParseLocation(repository); err == nil {
		return ObjectSource{Mirror: l}
	}
	t, _ := ForgeTemplate(repository)
	return ObjectSource{Template: t, Batch: true}
}

// Fallback reports whether the batch API is asked for what the template's host refuses.
func (s ObjectSource) Fallback() bool { return s.Batch && !s.Template.IsZero() }

// IsRefusal reports whether the batch API may have what an object's own URL answers with a status for.
func IsRefusal(status int) bool {
	switch status {
	case 401, 403, 404, 410, 429: // as numbers: plans are made of this package, and without net/http
		return true
	}
	return false
}

// ByOID reports whether an object's oid and size are enough to get it.
func (s ObjectSource) ByOID() bool {
	return s.Template.IsZero() || s.Template.ByOID()
}

// URL returns where the object is served; empty where the batch API must be asked.
func (s ObjectSource) URL(o Object) string {
	if s.Template.IsZero() {
		return ""
	}
	return s.Template.URL(o)
}
