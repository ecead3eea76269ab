package transfer

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/pkg/errors"
)

// Kind is the sort of thing that went wrong, for those who have to decide what to do about it.
type Kind string

// The kinds, as they are shown.
const (
	NotFound     Kind = "not found"
	Unauthorized Kind = "unauthorized"
	Forbidden    Kind = "forbidden"
	Limit        Kind = "limit reached" // of requests, or of what the owner of the repository has paid for
	Unavailable  Kind = "server error"
	Corrupted    Kind = "corrupted" // another content than the object's
	Truncated    Kind = "cut off"   // in the middle of the content
	Network      Kind = "network error"
	Protocol     Kind = "unexpected answer"
	Disk         Kind = "disk error" // of this machine
)

// Error is why an object, or all that were asked for, can't be had. It holds nothing that gives access.
type Error struct {
	Kind    Kind
	Status  int    // of the HTTP answer, or of the object inside it; 0: there was none
	URL     string // that was asked: scheme, host and path
	OID     string // empty: it is about more than one object
	Path    string // of the object; may be empty
	Objects int    // how many it is about, where it is about more than one
	Message string // the server's own words, on one line
	Hint    string // what to do
	Err     error  // what is wrong, where Kind and Status don't say it all
}

func (e *Error) Unwrap() error { return e.Err }

// Error says what is wrong, where, and what to do.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.subject())
	b.WriteString(e.reason())
	if where := e.location(); where != "" {
		fmt.Fprintf(&b, " (%s)", where)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %q", e.Message)
	}
	if e.Hint != "" {
		b.WriteString(": " + e.Hint)
	}
	return b.String()
}

func (e *Error) reason() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	return string(e.Kind)
}

func (e *Error) subject() string {
	switch {
	case e.Objects > 1:
		return fmt.Sprintf("%d objects: ", e.Objects)
	case e.Path != "":
		return fmt.Sprintf("%s (sha256:%s): ", e.Path, e.OID)
	case e.OID != "":
		return fmt.Sprintf("object sha256:%s: ", e.OID)
	}
	return ""
}

func (e *Error) location() string {
	switch {
	case e.Status == 0 || e.URL == "":
		return e.URL
	default:
		return strconv.Itoa(e.Status) + " from " + e.URL
	}
}

// ObjectsError is all that went wrong in one call, in the order of the objects that were asked for.
type ObjectsError struct {
	Errors []error
}

// maxListed bounds the text: one server that is down would fill the screen.
const maxListed = 10

func (e *ObjectsError) Unwrap() []error { return e.Errors }

func (e *ObjectsError) Error() string {
	if len(e.Errors) == 1 {
		return e.Errors[0].Error()
	}
	lines := []string{fmt.Sprintf("%d LFS objects failed:", len(e.Errors))}
	for i, err := range e.Errors {
		if i == maxListed {
			lines = append(lines, fmt.Sprintf("and %d more", len(e.Errors)-i))
			break
		}
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n- ")
}

// displayURL is as much of a URL as anybody may see: its query may be a signature.
func displayURL(u *url.URL) string {
	if u == nil {
		return ""
	}
	return truncate(oneLine((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()))
}

// UnwrapSingle returns the error of a Fetch of one object without the object's name, for whoever says that himself.
func UnwrapSingle(err error) error {
	var all *ObjectsError
	var one *Error
	if !errors.As(err, &all) || len(all.Errors) != 1 || !errors.As(all.Errors[0], &one) {
		return err
	}
	bare := *one
	bare.OID, bare.Path = "", ""
	return &bare
}
