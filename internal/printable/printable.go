// Package printable makes text from outside safe to print: names in tarballs, on branches, of servers. A terminal obeys what
// isn't printable (escape sequences, and the C1 controls that mean the same), or shows something else than there is (marks
// that change the direction of writing).
package printable

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Name returns a name as it is, or quoted if it has anything that can't be printed.
func Name(s string) string {
	if utf8.ValidString(s) && strings.IndexFunc(s, isHidden) < 0 {
		return s
	}
	return strconv.Quote(s)
}

// Text returns a text of several lines, in which what can't be printed is escaped as in Go. Line ends and tabs stay.
func Text(s string) string {
	if utf8.ValidString(s) && strings.IndexFunc(s, isUnsafe) < 0 {
		return s
	}
	var out strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 || isUnsafe(r) {
			quoted := strconv.Quote(s[:size])
			out.WriteString(quoted[1 : len(quoted)-1])
		} else {
			out.WriteString(s[:size])
		}
		s = s[size:]
	}
	return out.String()
}

// JSON returns a document of encoding/json, in which what can't be printed is escaped: that leaves C1 controls and marks alone,
// and in a json.RawMessage what is no UTF-8, which a terminal may take for a C1 control.
func JSON(dt []byte) []byte {
	if utf8.Valid(dt) && bytes.IndexFunc(dt, isUnsafe) < 0 {
		return dt
	}
	var out bytes.Buffer
	for _, r := range string(dt) {
		switch {
		case !isUnsafe(r):
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.Bytes()
}

// Writer returns a writer that prints text that comes whole, as fmt has it.
func Writer(w io.Writer) io.Writer { return writer{w} }

type writer struct{ io.Writer }

func (w writer) Write(dt []byte) (int, error) {
	if _, err := io.WriteString(w.Writer, Text(string(dt))); err != nil {
		return 0, err
	}
	return len(dt), nil
}

func isHidden(r rune) bool { return !strconv.IsPrint(r) }

func isUnsafe(r rune) bool { return r != '\n' && r != '\t' && isHidden(r) }
