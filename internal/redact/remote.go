package redact

import (
	"regexp"
	"strings"
)

// remote is user:password@host:path, or with a slash behind the host: a URL without a scheme.
var remote = regexp.MustCompile(`([\w.%+~-]+:[^\s/"<>]+@)((?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])[:/])`)

// remotes takes the user and the password out of remotes that are no URLs. A user alone stays: it is git's, mostly.
func remotes(s string) string {
	var out strings.Builder
	done := 0
	for _, m := range remote.FindAllStringSubmatchIndex(s, -1) {
		if !imageDigest.MatchString(s[m[4]:]) {
			out.WriteString(s[done:m[2]])
			done = m[4]
		}
	}
	return out.String() + s[done:]
}
