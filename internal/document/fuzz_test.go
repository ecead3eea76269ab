package document

import (
	"testing"

	"lambdabase/internal/printable"

	"github.com/stretchr/testify/require"
)

func FuzzParseSnapshot(f *testing.F) {
	dt, err := newSnapshot().Marshal()
	require.NoError(f, err)
	f.Add(dt)
	f.Add([]byte(`{"version":1,"runtime":"../x","repository":"ssh://a@b/c\u001b","platforms":[{"layers":[{"path":"../x"}]}]}`))
	f.Fuzz(func(t *testing.T, dt []byte) {
		s, err := ParseSnapshot("x", dt)
		if err != nil {
			require.LessOrEqual(t, len(printable.Shorten(err.Error())), len(err.Error()))
			return
		}
		for _, shown := range []string{s.Runtime, s.Repository, s.Commit} {
			require.Equal(t, shown, printable.Name(shown))
		}
		written, err := s.MarshalCompact()
		require.NoError(t, err)
		again, err := ParseSnapshot("x", written)
		require.NoError(t, err)
		require.Equal(t, s, again)
	})
}
