package transfer

import (
	"bytes"
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"lambdabase/internal/lfs"
	"lambdabase/internal/redact"

	"github.com/pkg/errors"
)

const maxMessage = 300 // bytes of a server's own words

var (
	titleOrMessage = regexp.MustCompile(`(?is)<(?:title|message)\b[^>]*>(.*?)</`)
	htmlStart      = regexp.MustCompile(`(?i)^(<!--.{0,200}?-->\s*)?<(!doctype html|html|head|body)`)
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

// truncate is text cut to what fits into a message.
func truncate(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	end := maxMessage - len("…")
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// sniffFormat names what text is where an object, or a response of LFS, should be; empty where it could be either.
func sniffFormat(head []byte) string {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case lfs.IsPointer(head):
		return "a Git LFS pointer"
	case htmlStart.Match(text):
		return "an HTML page"
	case bytes.HasPrefix(text, []byte("<?xml")), bytes.HasPrefix(text, []byte("<Error>")):
		return "XML"
	case (bytes.HasPrefix(text, []byte("{")) || bytes.HasPrefix(text, []byte("["))) && utf8.Valid(text[:len(text)/2]):
		return "JSON"
	}
	return ""
}

// excerpt is what matters of a text: the title of a page, the message of a store's XML.
func excerpt(head []byte) string {
	if m := titleOrMessage.FindSubmatch(head); m != nil {
		return html.UnescapeString(string(m[1]))
	}
	return string(head)
}

// redactedError is an error whose text is safe to show, in place of its cause's.
type redactedError struct {
	text  string
	cause error
}

func (q *redactedError) Error() string        { return q.text }
func (q *redactedError) Is(target error) bool { return errors.Is(q.cause, target) }
func (q *redactedError) As(target any) bool   { return errors.As(q.cause, target) }
