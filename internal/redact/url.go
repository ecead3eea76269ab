package redact

import (
	"regexp"
	"strings"
)

var (
	// separator is what stands between a URL's scheme and its authority; JSON may escape its slashes, and a URL within
	// a URL has it percent-encoded, once or more often.
	separator = regexp.MustCompile(`(?::|%(?:25)*3[aA])(?:\\*/|%(?:25)*2[fF]){2}`)
	// image is a scheme whose authority is the name of an image: what stands behind its colon or @ is no credential.
	image       = regexp.MustCompile(`(?:docker-image|oci-layout|oci)$`)
	imageDigest = regexp.MustCompile(`^sha[0-9]+:[0-9a-f]{32}`)
	// port is what may stand behind the colon of a host and not be a password whose @ got lost.
	port = regexp.MustCompile(`^(?:[0-9]{1,5}(?:[^\w%].*)?|\W*)$`)
)

// urls takes user information, queries and telling fragments out of URLs.
func urls(s string) string {
	var out strings.Builder
	done := 0
	drop := func(from, to int, instead string) {
		if from < to {
			out.WriteString(s[done:from] + instead)
			if done = to; instead == placeholder {
				done = skipPlaceholder(s, to)
			}
		}
	}
	found := separator.FindAllStringIndex(s, -1)
	for n, at := range found {
		colon, start, limit := at[0], at[1], len(s)
		if n+1 < len(found) {
			limit = found[n+1][0]
		}
		switch {
		case colon < done:
		case strings.Contains(s[colon:start], "%"):
			drop(start, valueEnd(s, start), placeholder)
		default:
			end := authorityEnd(s, start, limit)
			drop(secretAuthority(s, colon, start, end))
			drop(secretQuery(s, max(end, done), limit))
		}
	}
	return out.String() + s[done:]
}

func authorityEnd(s string, i, limit int) int {
	for i < limit && !isTokenEnd(s, i) && strings.IndexByte("/?#", s[i]) < 0 {
		i++
	}
	return i
}

// secretAuthority is what has to go of an authority: user information, or everything if that was cut off before its @.
func secretAuthority(s string, colon, start, end int) (from, to int, instead string) {
	authority := s[start:end]
	isImage := image.MatchString(s[max(0, colon-len("docker-image")):colon])
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		if isImage && imageDigest.MatchString(s[start+at+1:]) {
			return 0, 0, ""
		}
		return start, start + at + 1, ""
	}
	host := authority
	if strings.HasPrefix(host, "[") { // an IPv6 address
		host = host[strings.LastIndexByte(host, ']')+1:]
	}
	_, behind, ok := strings.Cut(host, ":")
	if !ok || isImage || port.MatchString(behind) {
		return 0, 0, ""
	}
	return start, continuedEnd(s, valueEnd(s, start)), placeholder
}

// secretQuery is what has to go of a URL's query and fragment: all of it or nothing.
func secretQuery(s string, i, limit int) (from, to int, instead string) {
	for i < limit && !isTokenEnd(s, i) && s[i] != '?' && s[i] != '#' {
		i++
	}
	if i >= limit || isTokenEnd(s, i) {
		return 0, 0, ""
	}
	start := i + 1
	end := valueEnd(s, start)
	query, fragment, _ := strings.Cut(s[i:end], "#") // the query with its question mark
	nested := end > limit                            // another URL in it
	if end == start || !nested && (len(query) < 2 || isSafeQuery(query[1:])) && !strings.ContainsAny(fragment, "=@%") {
		return 0, 0, ""
	}
	rest := continuedEnd(s, end)
	if parameter.MatchString(s[i:end]) || strings.ContainsAny(s[end:rest], "=&%") {
		end = rest
	}
	return start, end, placeholder
}
