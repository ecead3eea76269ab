package lfs

import (
	"net/http"
	"net/url"
	"regexp"

	"github.com/pkg/errors"
)

// What servers say when the owner's quota is used up, or when requests come too fast. GitHub says both with 403.
var (
	quotaText = regexp.MustCompile(`(?i)(data|bandwidth|storage|lfs) quota|bandwidth limit|lfs budget|data packs|size limit exceeded|namespace storage`)
	rateText  = regexp.MustCompile(`(?i)rate limit|too many requests|abuse detection`)
)

const (
	quotaAdvice = "the repository's LFS quota is used up: wait, or mirror the objects and name the mirror with option objects"
	rateAdvice  = "the server limits how often it is asked: wait, or mirror the objects and name the mirror with option objects"
	laterAdvice = "try again later"
)

// credential is what a request carried to authorize it.
type credential struct {
	sent bool
	name string // as the user calls it
}

// refused is what a status means, of an answer or of an object inside it; where is what was asked.
func (s *session) refused(r refusal, h http.Header, where *url.URL, carried credential) *failure {
	f := s.fail(kindOf(r.Code), where, nil)
	f.Status, f.Message = r.Code, s.message(r.Message)
	f.after = retryAfter(h, s.clock.Now())
	if retried(r.Code) {
		f.fate = again
	}
	switch {
	case f.Kind == Limit && r.Code != http.StatusTooManyRequests, limited(f) && quotaText.MatchString(r.Message):
		f.Kind, f.Hint, f.fate = Limit, quotaAdvice, final
	case f.Kind == Limit, limited(f) && rateText.MatchString(r.Message):
		f.Kind, f.Hint, f.fate = Limit, rateAdvice, again
	case f.Kind == Unavailable:
		f.Hint = laterAdvice
	case f.Kind == Unauthorized, f.Kind == Forbidden:
		s.denied(f, where, carried)
	}
	return f
}

// denied says which credential was refused, or that there was none.
func (s *session) denied(f *failure, where *url.URL, carried credential) {
	f.Hint = s.advice(where)
	switch {
	case carried.sent && carried.name != "":
		f.Err = errors.Errorf("the credential (%s) was refused", carried.name)
	case carried.sent:
		f.Err = errors.New("the credential was refused")
	case f.Status == http.StatusNonAuthoritativeInfo:
		f.Err = errors.New("it asks to sign in")
	}
}

func (s *session) advice(u *url.URL) string {
	if s.Hint == nil || u == nil {
		return ""
	}
	return s.Hint(u)
}

// limited tells where the text of an error may be about a limit: what is not there, or wants a credential, is not.
func limited(f *failure) bool {
	return f.Kind != NotFound && f.Kind != Unauthorized
}

func kindOf(status int) Kind {
	switch {
	case status == http.StatusNotFound, status == http.StatusGone:
		return NotFound
	case status == http.StatusUnauthorized,
		status == http.StatusNonAuthoritativeInfo: // with a page to sign in, of Azure DevOps
		return Unauthorized
	case status == http.StatusForbidden:
		return Forbidden
	case status == http.StatusTooManyRequests, status == http.StatusInsufficientStorage, status == 509:
		return Limit
	case status == http.StatusRequestTimeout, status >= 500 && status < 600:
		return Unavailable
	}
	return Protocol
}

// retried tells statuses that may pass.
func retried(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusInsufficientStorage, 509:
		return false
	}
	return status >= 500 && status < 600
}
