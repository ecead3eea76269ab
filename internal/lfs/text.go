package lfs

import (
	"bytes"
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"lambdabase/internal/redact"

	"github.com/pkg/errors"
)

const maxMessage = 300 // bytes of a server's own words

var (
	gist      = regexp.MustCompile(`(?is)<(?:title|message)\b[^>]*>(.*?)</`)
	beginHTML = regexp.MustCompile(`(?i)^(<!--.{0,200}?-->\s*)?<(!doctype html|html|head|body)`)
)

// oneLine is text from outside on one line: no control characters, none that change the direction of writing.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return -1
		case unicode.IsPrint(r):
			return r
		}
		return ' '
	}, s)
	return redact.Text(strings.Join(strings.Fields(s), " "))
}

// bounded is text cut to what fits into a message.
func bounded(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	end := maxMessage - len("…")
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// form names what text is where an object, or an answer of LFS, should be; empty where it could be either.
func form(begin []byte) string {
	text := bytes.TrimLeft(bytes.TrimPrefix(begin, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case IsPointer(begin):
		return "a Git LFS pointer"
	case beginHTML.Match(text):
		return "an HTML page"
	case bytes.HasPrefix(text, []byte("<?xml")), bytes.HasPrefix(text, []byte("<Error>")):
		return "XML"
	case (bytes.HasPrefix(text, []byte("{")) || bytes.HasPrefix(text, []byte("["))) && utf8.Valid(text[:len(text)/2]):
		return "JSON"
	}
	return ""
}

// excerpt is what matters of a text: the title of a page, the message of a store's XML.
func excerpt(begin []byte) string {
	if m := gist.FindSubmatch(begin); m != nil {
		return html.UnescapeString(string(m[1]))
	}
	return string(begin)
}

// quiet is an error whose text is safe to show, in place of its cause's.
type quiet struct {
	text  string
	cause error
}

func (q *quiet) Error() string        { return q.text }
func (q *quiet) Is(target error) bool { return errors.Is(q.cause, target) }
func (q *quiet) As(target any) bool   { return errors.As(q.cause, target) }
