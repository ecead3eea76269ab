// Package redact takes out of text what gives access: people paste errors and logs into places that anybody can read.
//
// What is in doubt goes: a word too many is lost sooner than a part of a secret is shown. What stays is what errors are
// for: hosts, paths, commits, digests, names and statuses.
package redact

// placeholder stands for what was taken out.
const placeholder = "..."

// withheld is what remains of a text that can't be made safe.
const withheld = "(a text that may hold credentials is left out)"

// maxPasses are more than any sensible text takes. One pass may bring to light what the next has to take out.
const maxPasses = 8

// Text returns s without credentials: user information, queries and fragments of URLs, passwords of other remotes, values of
// headers and of parameters that authorize, and tokens that can be told by their form. Text of it is itself.
func Text(s string) string {
	for range maxPasses {
		next := pass(s)
		if next == s {
			return s
		}
		s = next
	}
	return withheld
}

func pass(s string) string {
	// URLs come late: of what is glued to one they would take the name only, and leave the value that tells nothing without.
	for _, remove := range []func(string) string{headers, schemes, members, parameters, urls, remotes, tokens} {
		s = remove(s)
	}
	return s
}
