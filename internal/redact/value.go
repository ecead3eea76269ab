package redact

import (
	"regexp"
	"strings"
)

const (
	quotes  = "\"'`<>"
	closing = quotes + `)]},.;:!?\`
)

// tokenEnd returns where what starts at i ends for sure: at white space, or at a quote with nothing behind it that could
// belong.
func tokenEnd(s string, i int) int {
	for i < len(s) && !isTokenEnd(s, i) {
		i++
	}
	return i
}

func isTokenEnd(s string, i int) bool {
	c := s[i]
	if c <= ' ' || c == 0x7f {
		return true
	}
	return strings.IndexByte(quotes, c) >= 0 && (i+1 == len(s) || s[i+1] <= ' ' || strings.IndexByte(closing, s[i+1]) >= 0)
}

// valueEnd returns where a value ends that starts at i: punctuation of the sentence around it isn't part of it. It is i if
// there is nothing but punctuation, as where a value was taken out before.
func valueEnd(s string, i int) int {
	return i + len(strings.TrimRight(s[i:tokenEnd(s, i)], closing))
}

// continuedEnd returns where a value ends that seems to end at i, with a line break: lines may have been broken within it.
// Words of the next line are its rest as long as they start that line; list items don't count.
func continuedEnd(s string, i int) int {
	for {
		next := i + len(s[i:]) - len(strings.TrimLeft(s[i:], "\r\n"))
		if next == i {
			return i
		}
		next += len(s[next:]) - len(strings.TrimLeft(s[next:], " \t"))
		end := valueEnd(s, next)
		if !strings.ContainsFunc(s[next:end], wordRune) {
			return i
		}
		i = end
	}
}

func wordRune(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r > 0x7f
}

// replace takes out what follows each match. End is where that ends, given a match's submatches: if it is where the match
// ends there is nothing to take out.
func replace(s string, r *regexp.Regexp, end func(match []int) int) string {
	var out strings.Builder
	done := 0
	for _, m := range r.FindAllStringSubmatchIndex(s, -1) {
		if m[1] < done {
			continue
		}
		if e := end(m); e > m[1] {
			out.WriteString(s[done:m[1]] + placeholder)
			done = skipPlaceholder(s, e)
		}
	}
	return out.String() + s[done:]
}

// skipPlaceholder passes over what stands for something that was taken out already: once is enough.
func skipPlaceholder(s string, i int) int {
	return len(s) - len(strings.TrimPrefix(s[i:], placeholder))
}
