package runtimes

import (
	"encoding/json"
	"strings"
	"testing"

	"lambdabase/internal/catalog"
	"lambdabase/internal/printable"

	"github.com/stretchr/testify/require"
)

// What a mirror's catalog says of a runtime, or a step of whatever image was named, is shown to a terminal.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`[{"name":"nodejs20.x","platforms":["\u001b[31m\nx"],"commit":"\u009b","endOfSupport":"\u202e"}]`))
	f.Add([]byte(`[{"name":"x","date":"9999-12-31T23:59:59Z","size":-1,"catalogue":true}]`))
	f.Fuzz(func(t *testing.T, dt []byte) {
		var found []catalog.Runtime
		if json.Unmarshal(dt, &found) != nil {
			return
		}
		res, err := New(found).ToResult()
		require.NoError(t, err)
		text := string(res.Metadata["result.txt"])
		require.Equal(t, text, printable.Text(text))
		require.Equal(t, len(found)+1, strings.Count(text, "\n"), "each has one line")
	})
}
