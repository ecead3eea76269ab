package printable

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestALongWordIsShortened(t *testing.T) {
	word := strings.Repeat("a", maxWord)
	require.Equal(t, "x "+word+"\ty\n", Shorten("x "+word+"\ty\n"))
	require.Equal(t, "x "+word[:headOfWord]+"...(775 bytes left out)..."+word[:tailOfWord]+"\ty\n\n", Shorten("x "+word+"a\ty\n\n"))
	sentences := strings.Repeat("words of a sentence, ", 1000)
	require.Equal(t, sentences, Shorten(sentences))
}

func FuzzShorten(f *testing.F) {
	f.Add("a " + strings.Repeat("\u00e4\u2028", maxWord))
	f.Add(strings.Repeat("\xff", 2*maxWord) + "\n")
	f.Add(strings.Repeat("\x80", 2*maxWord))
	f.Fuzz(func(t *testing.T, s string) {
		short := Shorten(s)
		require.LessOrEqual(t, len(short), len(s))
		if utf8.ValidString(s) {
			require.True(t, utf8.ValidString(short))
		}
		require.Equal(t, short, Shorten(short))
	})
}
