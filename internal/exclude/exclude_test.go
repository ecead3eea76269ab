package exclude

import (
	"path"
	"slices"
	"strings"
	"testing"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

func TestPathsAreTheSameInAnyOrderAndSpelling(t *testing.T) {
	for list, want := range map[string][]string{
		"/usr/local/bin/aws-lambda-rie":    {"/usr/local/bin/aws-lambda-rie"},
		"/b,/a":                            {"/a", "/b"},
		"/a,/b,/a":                         {"/a", "/b"},
		"//a///b/./c/":                     {"/a/b/c"},
		"/a/c,/a-b,/a,/a/c/d,/ab":          {"/a", "/a-b", "/ab"},
		`"/a,b",/c`:                        {"/a,b", "/c"},
		"/a b":                             {"/a b"},
		"/usr/bin/[":                       {"/usr/bin/["},
		"/ä€𝄞":                             {"/ä€𝄞"},
		"/..a/b..":                         {"/..a/b.."},
		"/" + strings.Repeat("n", maxName): {"/" + strings.Repeat("n", maxName)},
	} {
		got, err := Parse(list)
		require.NoError(t, err, list)
		require.Equal(t, want, got, list)
	}
}

func TestWhatIsNoPathIsRefused(t *testing.T) {
	for list, want := range map[string]string{
		"":                                   "separated by commas",
		"/a,":                                "a path is empty",
		"/a,,/b":                             "a path is empty",
		"usr/lib":                            `"usr/lib" is not absolute`,
		"./a":                                `"./a" is not absolute`,
		"../a":                               `"../a" is not absolute`,
		"/a, /b":                             `" /b" is not absolute`,
		"/a/../b":                            `"/a/../b" has .. in it`,
		"/..":                                `"/.." has .. in it`,
		"/":                                  `"/" is the whole image`,
		"//./":                               `"//./" is the whole image`,
		"/a\x00b":                            "a character that can't be printed",
		"/a\nb":                              "a character that can't be printed",
		"/a\x1b[2J":                          "a character that can't be printed",
		"/a\xff":                             "a character that can't be printed",
		"/a\u202eb":                          "a character that can't be printed",
		`"/a`:                                "separated by commas",
		`/a"b`:                               "separated by commas",
		"/" + strings.Repeat("n", maxName+1): "is longer than a path can be",
		strings.Repeat("/n", maxPath/2+1):    "is longer than a path can be",
	} {
		_, err := Parse(list)
		require.ErrorContains(t, err, want, "%q", list)
	}
}

func TestWhatFunctionsNeedIsNotLeftOut(t *testing.T) {
	image := ocispecs.ImageConfig{
		WorkingDir: "/srv/work", Entrypoint: []string{"/lambda-entrypoint.sh"},
		Env: []string{"LANG=C", "LAMBDA_TASK_ROOT=/var/task", "LAMBDA_RUNTIME_DIR=/var/runtime"},
	}
	for name, want := range map[string]string{
		"/srv/work":              "/srv/work can't be left out: it is the working directory",
		"/srv":                   "/srv can't be left out: /srv/work is in it, the working directory",
		"/lambda-entrypoint.sh":  "it is the entrypoint",
		"/var/task":              "it is the folder of the function (LAMBDA_TASK_ROOT)",
		"/var":                   "/var/task is in it",
		"/var/runtime":           "/var/runtime/bootstrap is in it, what the entrypoint starts (LAMBDA_RUNTIME_DIR)",
		"/var/runtime/bootstrap": "it is what the entrypoint starts",
	} {
		require.ErrorContains(t, CheckNeeded([]string{"/a", name}, image), want)
	}
	require.NoError(t, CheckNeeded([]string{"/srv/work/x", "/srv/wor", "/var/task/x", "/var/runtime/lib", "/usr/local/bin/aws-lambda-rie", "/lambda-entrypoint.sh.old"}, image))
	require.NoError(t, CheckNeeded([]string{"/a"}, ocispecs.ImageConfig{}))
	require.NoError(t, CheckNeeded(nil, image))
}

func FuzzPathsAreCleanAbsoluteAndApart(f *testing.F) {
	for _, seed := range []string{"/a,/b", "/a/b,/a", `"/a,b"`, "/..", "//", "/a/./b/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		paths, err := Parse(list)
		if err != nil {
			return
		}
		require.NotEmpty(t, paths)
		require.True(t, slices.IsSorted(paths))
		for i, p := range paths {
			require.True(t, path.IsAbs(p) && p != "/" && p == path.Clean(p), "%q", p)
			for _, other := range paths[i+1:] {
				require.False(t, IsIn(other, p) || IsIn(p, other), "%q and %q", p, other)
			}
		}
	})
}
