package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// newestVersion is that of the changelog's first section.
var newestVersion = regexp.MustCompile(`(?m)^## \[(\d\S*)\]`)

// The same with programs that are built in a moment is in test/release, which looks at what a release has.
func TestTwoReleasesAreTheSame(t *testing.T) {
	if os.Getenv(slowEnv) == "" {
		t.Skipf("builds all programs twice: make test-full sets %s", slowEnv)
	}
	changes, err := os.ReadFile("../docs/CHANGELOG.md")
	require.NoError(t, err)
	version := "v" + newestVersion.FindStringSubmatch(string(changes))[1]
	first, second := copySource(t, 0), copySource(t, time.Hour)
	for _, dir := range []string{first, second} { // the same commit, as its dates are
		runGit(t, dir, "init", "-q")
		runGit(t, dir, "add", ".")
		runGit(t, dir, "commit", "-qm", "all")
	}
	runGit(t, second, "tag", version)
	require.Equal(t, releaseFrom(t, first, version), releaseFrom(t, second, version))
}

func runGit(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=x", "-c", "user.email=x@example.com"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_DATE=1700000000 +0000", "GIT_COMMITTER_DATE=1700000000 +0000")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

// releaseFrom returns the checksums of a release, made on a daemon that has built nothing yet.
func releaseFrom(t *testing.T, dir, version string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "make", "-C", dir, "--old-file=setup/daemon", "release", "VERSION="+version)
	cmd.Env = append(os.Environ(), "BUILDKIT_HOST="+sandbox.Start(t).Addr)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	dt, err := os.ReadFile(filepath.Join(dir, "bin/release/checksums.txt"))
	require.NoError(t, err)
	return string(dt)
}
