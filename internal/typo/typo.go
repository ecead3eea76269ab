// Package typo finds the name that a misspelled one was meant to be.
package typo

import (
	"github.com/agext/levenshtein"
	"github.com/moby/buildkit/util/suggest"
)

// shortName is so short that of a name no longer all letters but one must be there, or all in another order: "env" isn't meant to be
// "ecr", and "lokc" is meant to be "lock".
const shortName = 4

// Nearest returns the one of the names that a misspelled one is meant to be; empty where it is none of them, or one as it is.
func Nearest(name string, names []string) string {
	for _, n := range names {
		if isTransposed(name, n) {
			return n
		}
	}
	near, ok := suggest.Search(name, names, true)
	if !ok || len(near) <= shortName && levenshtein.Distance(name, near, nil) > 1 {
		return ""
	}
	return near
}

// isTransposed reports whether two letters that stand beside each other are swapped, and nothing else.
func isTransposed(a, b string) bool {
	if len(a) != len(b) || a == b {
		return false
	}
	i := 0
	for a[i] == b[i] {
		i++
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
