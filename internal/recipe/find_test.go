package recipe

import (
	"testing"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

func TestRecipesAreFoundByArchitecture(t *testing.T) {
	for name, tc := range map[string]struct {
		folders map[string][]string
		want    Found
		err     string
	}{
		"both":          {map[string][]string{".": {"Dockerfile.b"}, "x86_64": {"Dockerfile.b", "x"}, "arm64": {"Dockerfile.b"}}, Found{"amd64": "x86_64/Dockerfile.b", "arm64": "arm64/Dockerfile.b"}, ""},
		"root":          {map[string][]string{".": {"Dockerfile.b", "README.md"}}, Found{"amd64": "Dockerfile.b"}, ""},
		"one folder":    {map[string][]string{".": {"Dockerfile.b"}, "arm64": {"Dockerfile.b"}}, Found{"arm64": "arm64/Dockerfile.b"}, ""},
		"another name":  {map[string][]string{".": {"Dockerfile.c"}}, Found{"amd64": "Dockerfile.c"}, ""},
		"own of two":    {map[string][]string{".": {"Dockerfile.b", "Dockerfile.c"}}, Found{"amd64": "Dockerfile.b"}, ""},
		"two others":    {map[string][]string{".": {"Dockerfile.c", "Dockerfile.d"}}, nil, "branch b has several recipes and none is Dockerfile.b: Dockerfile.c, Dockerfile.d"},
		"none":          {map[string][]string{".": {"README.md", "Dockerfile"}}, Found{}, ""},
		"empty folders": {map[string][]string{"x86_64": {"x"}, ".": {"Dockerfile.b"}}, Found{"amd64": "Dockerfile.b"}, ""},
	} {
		got, err := Find("b", func(folder string) ([]string, error) { return tc.folders[folder], nil })
		if tc.err != "" {
			require.EqualError(t, err, tc.err, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, tc.want, got, name)
	}
	require.Equal(t, []string{"linux/amd64", "linux/arm64"}, Found{"arm64": "a", "amd64": "b"}.Platforms())
	_, err := Find("b", func(string) ([]string, error) { return nil, errors.New("boom") })
	require.EqualError(t, err, "boom")
}
