package printable

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxWord is more than a name, an id or a URL has that anybody reads.
	maxWord = 1 << 10
	// headOfWord and tailOfWord are what is left of a longer one.
	headOfWord = 200
	tailOfWord = 50
)

// Shorten leaves out the middle of words that are too long to be read, as a value of many kilobytes is that a message repeats.
func Shorten(s string) string {
	if len(s) <= maxWord {
		return s
	}
	var out strings.Builder
	for len(s) > 0 {
		end := strings.IndexFunc(s, unicode.IsSpace)
		if end < 0 {
			end = len(s)
		}
		out.WriteString(shortenWord(s[:end]))
		_, space := utf8.DecodeRuneInString(s[end:])
		out.WriteString(s[end : end+space])
		s = s[end+space:]
	}
	return out.String()
}

func shortenWord(w string) string {
	if len(w) <= maxWord {
		return w
	}
	head, tail := headOfWord, len(w)-tailOfWord
	for head > headOfWord-utf8.UTFMax && !utf8.RuneStart(w[head]) {
		head--
	}
	for tail < len(w)-1 && !utf8.RuneStart(w[tail]) {
		tail++
	}
	return fmt.Sprintf("%s...(%d bytes left out)...%s", w[:head], tail-head, w[tail:])
}
