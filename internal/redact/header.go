package redact

import (
	"regexp"
	"slices"
	"strings"
)

var (
	header = regexp.MustCompile(`(?i)(authorization|(?:private|job|deploy|auth|api|access|security)-(?:token|key)|cookie)` +
		`["'\\\]]*(?:\s|%20|\+)*(?::|=>?|%(?:25)*3a)(?:\s|["'\\({])*(\[?)["'\\]*`)
	schemeWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

	bareScheme  = regexp.MustCompile(`(?i)(remoteauth|bearer|basic)\s+`)
	bearerToken = regexp.MustCompile(`^[A-Za-z0-9._~+/-]{8,}=*$`)
	basicToken  = regexp.MustCompile(`^[A-Za-z0-9+/]{8,}=*$`)
	innerUpper  = regexp.MustCompile(`.[A-Z]`)
)

// singleTokenSchemes are the schemes of Authorization that are followed by one word.
var singleTokenSchemes = []string{"basic", "bearer", "remoteauth", "token", "negotiate"}

// headers takes out the values of headers that authorize.
func headers(s string) string {
	return replace(s, header, func(m []int) int {
		start, end := m[1], valueEnd(s, m[1])
		word := strings.ToLower(s[start:end])
		switch {
		case end == start:
			return start
		case m[4] < m[5]: // several values, as Go prints them
			return lineEnd(s, start, "]\r\n")
		case slices.Contains(singleTokenSchemes, word):
			next := end + len(s[end:]) - len(strings.TrimLeft(s[end:], " \t\r\n"))
			return max(end, valueEnd(s, next))
		case strings.EqualFold(s[m[2]:m[3]], "cookie"), schemeWord.MatchString(word) && end < len(s) && (s[end] == ' ' || s[end] == '\t'):
			return lineEnd(s, start, "\r\n")
		}
		return end
	})
}

// lineEnd is where a line ends, or another of the stops stands, without punctuation.
func lineEnd(s string, i int, stops string) int {
	end := strings.IndexAny(s[i:], stops)
	if end < 0 {
		end = len(s) - i
	}
	return i + len(strings.TrimRight(s[i:i+end], closing+" \t"))
}

// schemes takes out what follows the name of a scheme without a header's: RemoteAuth is git-lfs's, and no other word; the
// others are words too, so what follows must look like a token.
func schemes(s string) string {
	return replace(s, bareScheme, func(m []int) int {
		end := valueEnd(s, m[1])
		word := s[m[1]:end]
		switch strings.ToLower(s[m[2]:m[3]]) {
		case "remoteauth":
			return end
		case "bearer":
			if bearerToken.MatchString(word) && (innerUpper.MatchString(word) || strings.ContainsAny(word, "0123456789")) {
				return end
			}
		case "basic":
			if basicToken.MatchString(word) && innerUpper.MatchString(word) {
				return end
			}
		}
		return m[1]
	})
}
