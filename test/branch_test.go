package test

import (
	"testing"
	"time"

	"lambdabase/internal/sample"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

func TestAFileNamedLikeAFolderOfRecipesIsNone(t *testing.T) {
	t.Parallel()
	b := newBranch("case", compress(t, packTar(t, append([]entry{file("a", "1")}, taskDirs...)...)))
	b.Files["x86_64"], b.Files["arm64"] = []byte("a file"), nil
	h := serve(t, []sample.Branch{b})
	d := sandbox.Start(t)
	platform := []string{"platform", "linux/amd64"}
	requireEqual(t, d, h.oracle(t, "case", "", platform...), h.request("case", platform...))
}

func TestACommitWithADateThatNoImageCanHaveIsBuiltWithAnother(t *testing.T) {
	t.Parallel()
	b := newBranch("case", compress(t, packTar(t, append([]entry{file("a", "1")}, taskDirs...)...)))
	b.Date = time.Unix(253402300800, 0)
	h := serve(t, []sample.Branch{b})
	d := sandbox.Start(t)
	_, err := d.Solve(t.Context(), t, h.request("case"))
	require.ErrorContains(t, err, "date of commit "+must(h.Commit("case"))+": 253402300800 seconds since 1970, an image's date is up to the year 9999")
	require.ErrorContains(t, err, "SOURCE_DATE_EPOCH")
	require.Equal(t, time.Unix(86400, 0).UTC(), imageConfig(t, oneImage(t, d, h.request("case", "build-arg:SOURCE_DATE_EPOCH", "86400"))).Created.UTC())
}

// What BuildKit reads as another file, and what a build of a checkout does otherwise, is refused.
func TestARecipeThatDockerBuildsOtherwiseIsRefused(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	for name, tc := range map[string]struct {
		add    string
		files  map[string]string
		want   string
		oracle string // what docker build says of it; empty: it builds something
	}{
		"quotes":        {add: `ADD "a.tar.xz" /`, want: `Dockerfile.case:2: ADD: source "\"a.tar.xz\"" has a quote`},
		"JSON":          {add: `ADD ["'a'.tar.xz", "/"]`, want: "has a quote"},
		"escape":        {add: "ADD `a.tar.xz /", files: map[string]string{"top": "# escape=`\n"}, want: "has a quote or the escape character"},
		".dockerignore": {add: "ADD a.tar.xz /", files: map[string]string{".dockerignore": "*.xz"}, want: "Dockerfile.case:2: ADD: a.tar.xz is left out by .dockerignore", oracle: "not found"},
		"syntax":        {add: "ADD a.tar.xz /", files: map[string]string{"top": "# syntax=reg.example/mine/x\n"}, want: `Dockerfile.case:1: syntax line names the frontend "reg.example/mine/x"`, oracle: "reg.example"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBranch("case", compress(t, packTar(t, append([]entry{file("a", "1")}, taskDirs...)...)))
			b.Files["Dockerfile.case"] = []byte(tc.files["top"] + "FROM scratch\n" + tc.add + "\n")
			if text, ok := tc.files[".dockerignore"]; ok {
				b.Files[".dockerignore"] = []byte(text)
			}
			h := serve(t, []sample.Branch{b})
			_, err := d.Solve(t.Context(), t, h.request("case"))
			require.ErrorContains(t, err, tc.want)
			tree, err := d.Tree(t, h.oracle(t, "case", ""))
			if tc.oracle != "" {
				require.ErrorContains(t, err, tc.oracle)
				return
			}
			require.NoError(t, err)
			require.NotEmpty(t, tree)
		})
	}
}
