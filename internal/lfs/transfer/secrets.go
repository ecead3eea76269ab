package transfer

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"lambdabase/internal/lfs"
)

// mask is what stands in place of a secret.
const mask = "***"

// sensitivity tells whose a secret is, and with that where it must not be seen.
type sensitivity int

const (
	queryValue       sensitivity = iota // of a query, or of a header that does not authorize: not in messages
	serverCredential                    // authorizes, and came from the server: nowhere
	userCredential                      // authorizes, and came from the user: nowhere, nor on another host
)

// minLength is how long a secret is at least: the letters of a shorter one may stand in any word.
func (s sensitivity) minLength() int {
	if s == queryValue {
		return 8
	}
	return 4
}

// secretMask is what was sent in confidence: a server may repeat it in the message of an error.
type secretMask struct {
	mu     sync.Mutex
	public map[string]lfs.Object // by oid, which is no secret though it may stand in a query
	values map[string]sensitivity
}

func (s *secretMask) addHeader(h http.Header, level sensitivity) {
	for name, values := range h {
		for _, v := range values {
			switch name {
			case "Authorization", "Private-Token":
				for _, form := range credentialForms(v) {
					s.add(level, form)
				}
			case "Accept": // says what, not who
			default:
				s.add(queryValue, v)
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

func (s *secretMask) addQuery(u *url.URL) {
	s.add(queryValue, u.RawQuery)
	for _, values := range u.Query() {
		for _, v := range values {
			s.add(queryValue, v)
		}
	}
}

func (s *secretMask) add(level sensitivity, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, isPublic := s.public[value]; isPublic || len(value) < level.minLength() {
		return
	}
	s.values[value] = max(s.values[value], level)
}

// containsUserCredential reports whether a value has a credential of the user in it.
func (s *secretMask) containsUserCredential(value string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for secret, level := range s.values {
		if level == userCredential && strings.Contains(value, secret) {
			return true
		}
	}
	return false
}

// hide is text without the secrets that must not stand there: all of them, or from a level of sensitivity on.
func (s *secretMask) hide(text string, minLevel sensitivity) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []string
	for secret, level := range s.values {
		if level < minLevel {
			continue
		}
		text = trimPartial(text, secret)
		if strings.Contains(text, secret) {
			found = append(found, secret)
		}
	}
	// The longest first: one may be a part of another.
	slices.SortFunc(found, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	for _, secret := range found {
		text = strings.ReplaceAll(text, secret, mask)
	}
	return text
}

// trimPartial is text that may have been cut in the middle of a secret, without that.
func trimPartial(text, secret string) string {
	const minPrefix = 8 // a shorter beginning may be the scheme, or any word
	for n := min(len(secret)-1, len(text)); n >= minPrefix; n-- {
		if rest, ok := strings.CutSuffix(text, secret[:n]); ok {
			return rest + mask
		}
	}
	return text
}
