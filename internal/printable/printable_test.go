package printable

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// hostile are names that a terminal would obey, or show wrongly, and how they are written.
var hostile = map[string]string{
	"a\x1b[2Jb":         `a\x1b[2Jb`,
	"a\u009b31mb":       `a\u009b31mb`,
	"a\x9bb":            `a\x9bb`,
	"exe.\u202egpj":     `exe.\u202egpj`,
	"a\u2028b\u2066c":   `a\u2028b\u2066c`,
	"a\rb\bc\x7fd\x00e": `a\rb\bc\x7fd\x00e`,
	"a\u00a0\ufeffb":    `a\u00a0\ufeffb`,
	"\U000e0041":        `\U000e0041`,
}

func TestWhatIsPrintableStaysAsItIs(t *testing.T) {
	for _, s := range []string{"", "x86_64/a.tar.xz", "a b", `a"b\`, "größe/日本語", "é", "👍"} {
		require.Equal(t, s, Name(s))
		require.Equal(t, s, Text(s))
		require.Equal(t, s, string(JSON([]byte(s))))
	}
	require.Equal(t, "a\n\tb\n", Text("a\n\tb\n"))
}

func TestWhatIsNotIsEscaped(t *testing.T) {
	for s, want := range hostile {
		require.Equal(t, `"`+want+`"`, Name(s))
		require.Equal(t, "1\n"+want+"\n2", Text("1\n"+s+"\n2"))
		var out bytes.Buffer
		n, err := fmt.Fprintf(Writer(&out), "%s\n", s)
		require.NoError(t, err)
		require.Equal(t, len(s)+1, n)
		require.Equal(t, want+"\n", out.String())
	}
	require.Equal(t, `"a\nb"`, Name("a\nb"))
	require.Equal(t, `"a\tb"`, Name("a\tb"))
}

func TestJSONMeansTheSame(t *testing.T) {
	for s := range hostile {
		dt, err := json.MarshalIndent(map[string]string{"a": s}, "", "\t")
		require.NoError(t, err)
		safe := JSON(dt)
		require.Equal(t, string(safe), Text(string(safe)))
		var before, after map[string]string
		require.NoError(t, json.Unmarshal(dt, &before))
		require.NoError(t, json.Unmarshal(safe, &after))
		require.Equal(t, before, after)
	}
}
