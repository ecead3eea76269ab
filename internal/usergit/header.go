package usergit

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// extraHeader is the Authorization that http.extraheader sends to a URL; empty if there is none. Of the headers only this
// one can be passed on: BuildKit's git takes no other.
func (g Git) extraHeader(ctx context.Context, u *url.URL) (authorization string) {
	var headers []setting
	for _, s := range g.config {
		if !strings.HasSuffix(s.key, ".extraheader") {
			continue
		}
		// Git takes what matches as well as all before it, or better (urlmatch.c). It says for which that holds: the
		// last of the list so far.
		headers = append(headers, s)
		if bestMatch(ctx, headers, u) != len(headers)-1 {
			continue
		}
		if s.value == "" { // which empties the list
			authorization = ""
		}
		if name, value, ok := strings.Cut(s.value, ":"); ok && strings.EqualFold(strings.TrimSpace(name), "Authorization") {
			authorization = strings.TrimSpace(value)
		}
	}
	return authorization
}

// bestMatch is which of the settings git takes for a URL; -1 if none. Git reads their sections, and never their values.
func bestMatch(ctx context.Context, headers []setting, u *url.URL) int {
	var text strings.Builder
	for i, s := range headers {
		text.WriteString("[http")
		if pattern := strings.TrimPrefix(strings.TrimSuffix(s.key, ".extraheader"), "http"); pattern != "" {
			fmt.Fprintf(&text, " \"%s\"", strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(pattern[1:]))
		}
		fmt.Fprintf(&text, "]\n\textraheader = %d\n", i)
	}
	out, err := config(ctx, text.String(), "--file", "-", "--get-urlmatch", "http.extraheader", u.String())
	if err != nil {
		return -1
	}
	best, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		return -1
	}
	return best
}
