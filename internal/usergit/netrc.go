package usergit

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// netrc is what the user's .netrc has for a host. Git leaves that file to libcurl, which takes it for any port.
func netrc(host string) *url.Userinfo {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(home, ".netrc"))
	if err != nil {
		return nil
	}
	return findNetrc(string(text), host)
}

// findNetrc reads the file as libcurl 8 does (lib/netrc.c): the first entry of the host that has a password wins, and
// "default" is an entry of any host.
func findNetrc(text, host string) *url.Userinfo {
	f := netrcFinder{host: host}
	for line := range strings.Lines(text) {
		if f.inMacro { // up to an empty line
			f.inMacro = strings.TrimSpace(line) != ""
			continue
		}
		for _, word := range netrcWords(line) {
			if f.next(word); f.done {
				return f.result()
			}
		}
	}
	return f.result()
}

// netrcFinder takes a file word by word.
type netrcFinder struct {
	host            string
	login, password string
	key             string // whose value is the next word
	matches         bool   // the entry is one of the host
	inMacro, done   bool
}

func (f *netrcFinder) next(word string) {
	switch {
	case f.key != "":
		f.set(word)
	case word == "machine" || word == "default":
		if f.done = f.result() != nil; f.done {
			return
		}
		f.login, f.password = "", ""
		if f.matches = word == "default"; !f.matches {
			f.key = word
		}
	case word == "login" || word == "password":
		f.key = word
	case word == "macdef":
		f.key, f.inMacro = word, true
	}
}

// set is for the word behind a key.
func (f *netrcFinder) set(value string) {
	switch {
	case f.key == "machine":
		f.matches = strings.EqualFold(value, f.host)
	case f.key == "login" && f.matches:
		f.login = value
	case f.key == "password" && f.matches:
		f.password = value
	}
	f.key = ""
}

func (f *netrcFinder) result() *url.Userinfo {
	if f.password == "" {
		return nil
	}
	return url.UserPassword(f.login, f.password)
}

// isNetrcSpace is what ends a word, and what comes before one: a control character too.
func isNetrcSpace(r rune) bool { return r <= ' ' }

// netrcWords are the words of a line. One in quotes may have spaces in it, and one that begins with "#" begins a comment.
func netrcWords(line string) (words []string) {
	for {
		line = strings.TrimLeftFunc(line, isNetrcSpace)
		if line == "" || line[0] == '#' {
			return words
		}
		var word string
		if line[0] == '"' {
			word, line = quotedWord(line[1:])
		} else {
			end := strings.IndexFunc(line, isNetrcSpace)
			if end < 0 {
				end = len(line)
			}
			word, line = line[:end], line[end:]
		}
		words = append(words, word)
	}
}

// quotedWord is the word up to the closing quote, and what follows it.
func quotedWord(s string) (word, rest string) {
	escapes := map[byte]byte{'n': '\n', 'r': '\r', 't': '\t'}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:]
		case c == '\\' && i+1 < len(s):
			i++
			if escaped, ok := escapes[s[i]]; ok {
				b.WriteByte(escaped)
			} else {
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}
