// Package redact takes out of text what gives access: people paste errors and logs into places that anybody can read.
package redact

import "regexp"

var (
	// userInfo is "user:password@" of an URL.
	userInfo = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/?#"'@]*@`)
	// query is an URL's query: a redirect may have led to one that is signed.
	query = regexp.MustCompile(`(https?://[^\s?"']*)\?[^\s"'<>]*`)
)

// Text is s without user information and queries of URLs.
func Text(s string) string {
	return query.ReplaceAllString(userInfo.ReplaceAllString(s, "$1"), "$1?...")
}
