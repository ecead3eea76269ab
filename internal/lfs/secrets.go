package lfs

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// hidden is what stands in place of a secret.
const hidden = "***"

// secrecy tells whose a secret is, and with that where it must not be seen.
type secrecy int

const (
	parameter secrecy = iota // of a query, or of a header that does not authorize: not in messages
	given                    // authorizes, and came from the server: nowhere
	ours                     // authorizes, and came from the user: nowhere, nor on another host
)

// shortest is how long a secret is at least: the letters of a shorter one may stand in any word.
func (s secrecy) shortest() int {
	if s == parameter {
		return 8
	}
	return 4
}

// secrets are what was sent in confidence: a server may repeat it in the message of an error.
type secrets struct {
	mu    sync.Mutex
	open  map[string]Object // by oid, which is no secret though it may stand in a query
	known map[string]secrecy
}

func (s *secrets) addHeader(h http.Header, whose secrecy) {
	for name, values := range h {
		for _, v := range values {
			switch name {
			case "Authorization", "Private-Token":
				for _, form := range credentialForms(v) {
					s.add(whose, form)
				}
			case "Accept": // says what, not who
			default:
				s.add(parameter, v)
			}
		}
	}
}

// credentialForms are the ways a credential may be written: as a whole, without its scheme, and the password alone.
func credentialForms(value string) []string {
	scheme, token, _ := strings.Cut(value, " ")
	forms := []string{value, token}
	if plain, err := base64.StdEncoding.DecodeString(token); err == nil && strings.EqualFold(scheme, "Basic") {
		_, password, _ := strings.Cut(string(plain), ":")
		forms = append(forms, string(plain), password)
	}
	return forms
}

func (s *secrets) addQuery(u *url.URL) {
	s.add(parameter, u.RawQuery)
	for _, values := range u.Query() {
		for _, v := range values {
			s.add(parameter, v)
		}
	}
}

func (s *secrets) add(whose secrecy, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, open := s.open[value]; open || len(value) < whose.shortest() {
		return
	}
	s.known[value] = max(s.known[value], whose)
}

// carried tells whether a value has a credential of the user in it.
func (s *secrets) carried(value string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for secret, whose := range s.known {
		if whose == ours && strings.Contains(value, secret) {
			return true
		}
	}
	return false
}

// hide is text without the secrets that must not stand there: all of them, or from a level of secrecy on.
func (s *secrets) hide(text string, from secrecy) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []string
	for secret, whose := range s.known {
		if whose < from {
			continue
		}
		text = withoutBeginning(text, secret)
		if strings.Contains(text, secret) {
			found = append(found, secret)
		}
	}
	// The longest first: one may be a part of another.
	slices.SortFunc(found, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	for _, secret := range found {
		text = strings.ReplaceAll(text, secret, hidden)
	}
	return text
}

// withoutBeginning is text that may have been cut in the middle of a secret, without that.
func withoutBeginning(text, secret string) string {
	const telling = 8 // a shorter beginning may be the scheme, or any word
	for n := min(len(secret)-1, len(text)); n >= telling; n-- {
		if rest, ok := strings.CutSuffix(text, secret[:n]); ok {
			return rest + hidden
		}
	}
	return text
}
