package printable

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func FuzzPrintable(f *testing.F) {
	for s := range hostile {
		f.Add(s)
	}
	f.Add("{\"a\":\"\x9b31m\"}")
	f.Fuzz(func(t *testing.T, s string) {
		for _, out := range []string{Name(s), Text(s), string(JSON([]byte(s)))} {
			require.True(t, utf8.ValidString(out))
			require.Negative(t, strings.IndexFunc(out, isUnsafe), "%q", out)
		}
		require.NotContains(t, Name(s), "\n")
		dt, err := json.Marshal(json.RawMessage(s))
		if err != nil || !utf8.ValidString(s) {
			return
		}
		var before, after any
		require.NoError(t, json.Unmarshal(dt, &before))
		require.NoError(t, json.Unmarshal(JSON(dt), &after))
		require.Equal(t, before, after)
	})
}
