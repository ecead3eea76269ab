package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/semver"
)

// programs answer as the command does what a release asks it, and are built in a moment.
const (
	commandSource = `package main

import (
	"fmt"
	"os"
	"path/filepath"
)

var releaseVersion, releaseCommit string

func main() {
	switch os.Args[1] {
	case "completion":
		fmt.Println("# completion for", os.Args[2])
	case "man":
		_ = os.MkdirAll(os.Args[2], 0o755)
		_ = os.WriteFile(filepath.Join(os.Args[2], "lambdabase.1"), []byte(os.Getenv("SOURCE_DATE_EPOCH")+os.Getenv("BUILDKIT_HOST")), 0o600)
	default:
		fmt.Println(releaseVersion, releaseCommit)
	}
}
`
	emptySource = "package main\n\nfunc main() {}\n"
	changes     = "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-01-31\n\n- It works.\n"
)

// newCheckout makes a repository with all that a release reads.
func newCheckout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	dockerfile, err := os.ReadFile("../../Dockerfile")
	require.NoError(t, err)
	for name, text := range map[string]string{
		"go.mod": "module lambdabase\n\ngo 1.26\n", ".gitignore": "/bin/\n", "Dockerfile": string(dockerfile),
		"LICENSE": "license\n", "README.md": "readme\n", changelogFile: changes,
		"cmd/lambdabase/main.go": commandSource, "cmd/lambda-frontend/main.go": emptySource, "cmd/check-layers/main.go": emptySource,
	} {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	git(t, dir, "init", "-q")
	git(t, dir, "add", ".")
	git(t, dir, "commit", "-qm", "first")
	return dir
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=x", "-c", "user.email=x@example.com"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_DATE=1700000000 +0000", "GIT_COMMITTER_DATE=1700000000 +0000")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

func TestAReleaseIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		version string
		change  func(t *testing.T, dir string)
		want    string
	}{
		"without a version":      {"", nil, "nothing is made: VERSION is missing: make release VERSION=v1.2.3"},
		"with half a version":    {"v1.2", nil, `nothing is made: "v1.2" is no version: v1.2.3, or v1.2.3-rc.1, as semver.org has it`},
		"without v":              {"1.2.3", nil, `nothing is made: "1.2.3" is no version: v1.2.3, or v1.2.3-rc.1, as semver.org has it`},
		"with what no tag takes": {"v1.2.3+x", nil, `nothing is made: "v1.2.3+x" is no version: v1.2.3, or v1.2.3-rc.1, as semver.org has it`},
		"that says nothing of itself": {
			"v1.2.4", nil,
			"nothing is made: docs/CHANGELOG.md has no section of 1.2.4: give what is under [Unreleased] a line ## [1.2.4] - 2026-01-31",
		},
		"of what is in no commit": {
			"v1.2.3", func(t *testing.T, dir string) {
				t.Helper()
				require.NoError(t, os.WriteFile(filepath.Join(dir, "README.md"), nil, 0o644))
			},
			"nothing is made: the checkout is not as git has it ( M README.md): commit or stash that first",
		},
		"with files that git doesn't know": {
			"v1.2.3", func(t *testing.T, dir string) {
				t.Helper()
				require.NoError(t, os.WriteFile(filepath.Join(dir, "cmd/lambdabase/a.go"), nil, 0o644))
				require.NoError(t, os.WriteFile(filepath.Join(dir, "cmd/lambdabase/b.go"), nil, 0o644))
			},
			"nothing is made: the checkout is not as git has it (?? cmd/lambdabase/a.go, and more): commit or stash that first",
		},
		"without git": {
			"v1.2.3", func(t *testing.T, dir string) {
				t.Helper()
				require.NoError(t, os.RemoveAll(filepath.Join(dir, ".git")))
				require.NoError(t, os.WriteFile(filepath.Join(dir, ".git"), []byte("gitdir: nowhere"), 0o644))
			},
			"nothing is made: git status: fatal: not a git repository: ",
		},
		"from a clean checkout":             {"v1.2.3", nil, ""},
		"of a commit that has the tag":      {"v1.2.3", func(t *testing.T, dir string) { t.Helper(); git(t, dir, "tag", "-m", "x", "v1.2.3") }, ""},
		"with a tag that another one bears": {"v1.2.3", tagAnother, "nothing is made: the tag v1.2.3 is there, and not of this commit"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newCheckout(t)
			if tc.change != nil {
				tc.change(t, dir)
			}
			t.Chdir(dir)
			var out bytes.Buffer
			err := run(t.Context(), []string{"-check", tc.version}, &out)
			if tc.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.want)
			}
			require.NoFileExists(t, "bin/release")
		})
	}
}

func tagAnother(t *testing.T, dir string) {
	t.Helper()
	git(t, dir, "tag", "v1.2.3")
	git(t, dir, "commit", "-qm", "second", "--allow-empty")
}

func TestAChangelogSaysWhatIsNew(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"":              {changes, ""},
		"no section":    {"## [Unreleased]\n\n- It works.\n", "docs/CHANGELOG.md has no section of 1.2.3"},
		"another one":   {"## [1.2.30] - 2026-01-31\n\n- It works.\n", "docs/CHANGELOG.md has no section of 1.2.3"},
		"no date":       {"## [1.2.3]\n\n- It works.\n", "the section of 1.2.3 has no date: ## [1.2.3] - 2026-01-31"},
		"no such date":  {"## [1.2.3] - 2026-02-31\n\n- It works.\n", "the section of 1.2.3 has no date"},
		"nothing in it": {"## [1.2.3] - 2026-01-31\n\n## [1.2.2] - 2026-01-30\n\n- It works.\n", "the section of 1.2.3 is empty: say what is new"},
		"empty":         {"", "docs/CHANGELOG.md has no section of 1.2.3"},
		"CRLF":          {"## [1.2.3] - 2026-01-31\r\n\r\n- It works.\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := checkChangelog(tc.text, "v1.2.3")
			if tc.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.want)
			}
		})
	}
}

func TestTheChangelogIsInOrder(t *testing.T) {
	text, err := os.ReadFile("../../" + changelogFile)
	require.NoError(t, err)
	sections := parseChangelog(string(text))
	require.Greater(t, len(sections), 1)
	require.Equal(t, "Unreleased", sections[0].version)
	for i, s := range sections[1:] {
		require.NoError(t, checkVersion("v"+s.version))
		require.NoError(t, checkChangelog(string(text), "v"+s.version))
		if i > 0 {
			require.Negative(t, semver.Compare("v"+s.version, "v"+sections[i].version), "newest first")
		}
	}
}
