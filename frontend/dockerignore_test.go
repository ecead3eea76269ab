package frontend

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

func TestALayerThatADockerignoreLeavesOutIsAnError(t *testing.T) {
	const recipe, pointer = "x86_64/Dockerfile.b", "version https://git-lfs.github.com/spec/v1\noid sha256:" + "%\nsize 300\n"
	for name, tc := range map[string]struct {
		files map[string]string
		err   string
	}{
		"of the folder":           {map[string]string{"x86_64/.dockerignore": "*\n"}, "x86_64/Dockerfile.b:2: ADD: a.tar.xz is left out by x86_64/.dockerignore: a build of a checkout wouldn't find it"},
		"of the recipe":           {map[string]string{recipe + ".dockerignore": "*.xz\n", "x86_64/.dockerignore": "!*"}, "left out by x86_64/Dockerfile.b.dockerignore"},
		"a folder of a layer":     {map[string]string{"x86_64/.dockerignore": "dir\n"}, "x86_64/Dockerfile.b:3: ADD: dir/b.tar.xz is left out by x86_64/.dockerignore"},
		"in again":                {map[string]string{"x86_64/.dockerignore": "*\n!*.tar.xz\n!dir/*"}, ""},
		"of other files":          {map[string]string{"x86_64/.dockerignore": "README.md\n# a.tar.xz\n"}, ""},
		"the recipe's goes first": {map[string]string{recipe + ".dockerignore": "README.md", "x86_64/.dockerignore": "*"}, ""},
		"of another folder":       {map[string]string{".dockerignore": "**"}, ""},
		"a folder":                {map[string]string{"x86_64/.dockerignore/x": ""}, ""},
		"malformed":               {map[string]string{"x86_64/.dockerignore": "[a"}, "x86_64/.dockerignore: "},
		"too large":               {map[string]string{"x86_64/.dockerignore": strings.Repeat("a\n", maxTextSize)}, "x86_64/.dockerignore has"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tc.files[recipe] = "FROM scratch\nADD a.tar.xz /\nADD dir/b.tar.xz /\n"
			for _, layer := range []string{"a.tar.xz", "dir/b.tar.xz"} {
				tc.files["x86_64/"+layer] = strings.Replace(pointer, "%", strings.Repeat("a", 64), 1)
			}
			for name, text := range tc.files {
				require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
			}
			tree := &treeContents{tree: &tree{ref: dirRef{dir: dir}}, runtime: "b", commit: "c"}
			_, err := tree.platform(t.Context(), ocispecs.Platform{OS: "linux", Architecture: "amd64"})
			if tc.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.err)
		})
	}
}
