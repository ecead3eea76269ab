package redact

import (
	"regexp"
	"strings"
)

const (
	// secretName is how names end that stand for what gives access.
	secretName = `token|password|passwd|passphrase|signature|credentials?|[a-z0-9][-_]?secret|access[-_]?key(?:[-_]?id)?|api[-_]?key|private[-_]?key`
	// shortName is the same for names that many a word ends in.
	shortName = `sig|pwd|jwt`
	equals    = `(?:=|\\u003d|%(?:25)*3d)`
)

var (
	parameter = regexp.MustCompile(`(?i)(?:` + secretName + `|(?:^|[^a-z0-9]|\\u0026|%(?:25)*26)(?:` + shortName + `))["'\\]*[ \t]*` + equals + `[ \t]*["'\\\[({]*`)
	member    = regexp.MustCompile(`(?i)(?:` + secretName + `|["'_-](?:` + shortName + `))\\*["']\s*:\s*(\\*)(["'])`)
	// azure are the parameters of a shared access signature that stand before the signature.
	azure      = regexp.MustCompile(`(?i)(?:\b(?:s[eprtv]|spr|sip|sk[a-z]{1,3})=[^&\s"'<>]*&)+sig=`)
	azureValue = regexp.MustCompile(`=[^&]*&`)
)

// parameters takes out the values of key=value where the key stands for what gives access.
func parameters(s string) string {
	s = azure.ReplaceAllStringFunc(s, func(m string) string { return azureValue.ReplaceAllString(m, "="+placeholder+"&") })
	return replace(s, parameter, func(m []int) int {
		last := s[m[1]-1]
		if last == '"' || last == '\'' {
			return quoted(s, m[1], last, 0)
		}
		end := valueEnd(s, m[1])
		if end > m[1] || last == '=' && tokenEnd(s, end) == end {
			return continuedEnd(s, end)
		}
		return end
	})
}

// members takes out the values of members of JSON objects.
func members(s string) string {
	return replace(s, member, func(m []int) int { return quoted(s, m[1], s[m[4]], m[3]-m[2]) })
}

// quoted is where a string ends whose quotes are themselves escaped with so many backslashes; one that was cut off ends
// with its line. It is i if there is nothing in it.
func quoted(s string, i int, quote byte, escaped int) int {
	end, backslashes := i, 0
	for ; end < len(s) && s[end] != '\r' && s[end] != '\n'; end++ {
		if s[end] == quote && backslashes <= escaped {
			break
		}
		if s[end] == '\\' {
			backslashes++
		} else {
			backslashes = 0
		}
	}
	if strings.Trim(s[i:end], closing) == "" {
		return i
	}
	return end - backslashes
}
