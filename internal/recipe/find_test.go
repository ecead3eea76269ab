package recipe

import (
	"testing"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

func TestRecipesAreFoundByArchitecture(t *testing.T) {
	for name, tc := range map[string]struct {
		dirs map[string][]string
		want Paths
		err  string
	}{
		"both":         {map[string][]string{".": {"Dockerfile.b"}, "x86_64": {"Dockerfile.b", "x"}, "arm64": {"Dockerfile.b"}}, Paths{"amd64": "x86_64/Dockerfile.b", "arm64": "arm64/Dockerfile.b"}, ""},
		"root":         {map[string][]string{".": {"Dockerfile.b", "README.md"}}, Paths{"amd64": "Dockerfile.b"}, ""},
		"one dir":      {map[string][]string{".": {"Dockerfile.b"}, "arm64": {"Dockerfile.b"}}, Paths{"arm64": "arm64/Dockerfile.b"}, ""},
		"another name": {map[string][]string{".": {"Dockerfile.c"}}, Paths{"amd64": "Dockerfile.c"}, ""},
		"own of two":   {map[string][]string{".": {"Dockerfile.b", "Dockerfile.c"}}, Paths{"amd64": "Dockerfile.b"}, ""},
		"two others":   {map[string][]string{".": {"Dockerfile.c", "Dockerfile.d"}}, nil, "branch b has several recipes and none is Dockerfile.b: Dockerfile.c, Dockerfile.d"},
		"none":         {map[string][]string{".": {"README.md", "Dockerfile"}}, Paths{}, ""},
		"empty dirs":   {map[string][]string{"x86_64": {"x"}, ".": {"Dockerfile.b"}}, Paths{"amd64": "Dockerfile.b"}, ""},
	} {
		got, err := Find("b", func(dir string) ([]string, error) { return tc.dirs[dir], nil })
		if tc.err != "" {
			require.EqualError(t, err, tc.err, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, tc.want, got, name)
	}
	require.Equal(t, []string{"linux/amd64", "linux/arm64"}, Paths{"arm64": "a", "amd64": "b"}.Platforms())
	_, err := Find("b", func(string) ([]string, error) { return nil, errors.New("boom") })
	require.EqualError(t, err, "boom")
}
