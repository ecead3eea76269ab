package embedded

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzStateAndStat(f *testing.F) {
	f.Add([]byte(`{"open":true,"boot":"x","self":{"inode":1},"files":{"version":{"inode":-1}}}`), "42 (a) b) S 1 40 3")
	f.Add([]byte("\x00"), ")(")
	f.Fuzz(func(t *testing.T, state []byte, stat string) {
		dir := &cacheDir{path: t.TempDir()}
		require.NoError(t, os.WriteFile(filepath.Join(dir.path, stateFile), state, 0o600))
		if s, err := dir.readState(); err == nil {
			_, err = dir.isCopy(s)
			require.NoError(t, err)
		}
		name, fields := parseStat(stat)
		require.True(t, name == "" || len(name) < len(stat))
		require.LessOrEqual(t, len(fields), len(stat))
	})
}
