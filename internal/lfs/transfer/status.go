package transfer

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
	quotaHint = "the repository's LFS quota is used up: wait, or mirror the objects and name the mirror with option objects"
	rateHint  = "the server limits how often it is asked: wait, or mirror the objects and name the mirror with option objects"
	laterHint = "try again later"
)

// credential is what a request carried to authorize it.
type credential struct {
	sent bool
	name string // as the user calls it
}

// classify makes a failure of a status, of a response or of an object inside it; u is what was asked.
func (s *session) classify(objErr objectError, h http.Header, u *url.URL, cred credential) *failure {
	f := s.newFailure(kindOf(objErr.Code), u, nil)
	f.Status, f.Message = objErr.Code, s.sanitize(objErr.Message)
	f.retryAfter = parseRetryAfter(h, s.clock.Now())
	if isRetriableStatus(objErr.Code) {
		f.retry = retryLater
	}
	switch {
	case f.Kind == Limit && objErr.Code != http.StatusTooManyRequests, mayBeLimit(f) && quotaText.MatchString(objErr.Message):
		f.Kind, f.Hint, f.retry = Limit, quotaHint, noRetry
	case f.Kind == Limit, mayBeLimit(f) && rateText.MatchString(objErr.Message):
		f.Kind, f.Hint, f.retry = Limit, rateHint, retryLater
	case f.Kind == Unavailable:
		f.Hint = laterHint
	case f.Kind == Unauthorized, f.Kind == Forbidden:
		s.explainRefusal(f, u, cred)
	}
	return f
}

// explainRefusal says which credential was refused, or that there was none.
func (s *session) explainRefusal(f *failure, u *url.URL, cred credential) {
	f.Hint = s.hint(u)
	switch {
	case cred.sent && cred.name != "":
		f.Err = errors.Errorf("the credential (%s) was refused", cred.name)
	case cred.sent:
		f.Err = errors.New("the credential was refused")
	case f.Status == http.StatusNonAuthoritativeInfo:
		f.Err = errors.New("it asks to sign in")
	}
}

func (s *session) hint(u *url.URL) string {
	if s.Hint == nil || u == nil {
		return ""
	}
	return s.Hint(u)
}

// mayBeLimit reports whether the text of an error may be about a limit: what is not there, or wants a credential, is not.
func mayBeLimit(f *failure) bool {
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

// isRetriableStatus reports whether a status may pass.
func isRetriableStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusInsufficientStorage, 509:
		return false
	}
	return status >= 500 && status < 600
}
