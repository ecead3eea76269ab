package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
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
	out := filepath.Join(second, "bin/release")
	requireCommand(t, out, version)
	requireFrontend(t, filepath.Join(out, "lambda-frontend-"+version+".oci.tar"))
}

// requireCommand takes the command from its archive, with all that comes with it.
func requireCommand(t *testing.T, out, version string) {
	t.Helper()
	dir := t.TempDir()
	archive := filepath.Join(out, "lambdabase-"+version+".linux-"+runtime.GOARCH+".tar.gz")
	said, err := exec.CommandContext(t.Context(), "tar", "xzf", archive, "-C", dir, "--strip-components=1").CombinedOutput()
	require.NoError(t, err, string(said))
	said, err = exec.CommandContext(t.Context(), filepath.Join(dir, "lambdabase"), "--version").CombinedOutput()
	require.NoError(t, err)
	require.Equal(t, "lambdabase version "+version+"\n", string(said))
	for file, want := range map[string]string{
		"man/man1/lambdabase-build.1": `"Nov 2023" "lambdabase ` + version + `"`, "completions/lambdabase.bash": "complete -o default",
		"completions/_lambdabase": "#compdef lambdabase", "completions/lambdabase.fish": "complete -c lambdabase",
	} {
		dt, err := os.ReadFile(filepath.Join(dir, file))
		require.NoError(t, err)
		require.Contains(t, string(dt), want, file)
	}
}

// requireFrontend builds a base image with the frontend's image, whose attestations are beside it.
func requireFrontend(t *testing.T, archive string) {
	t.Helper()
	image := sandbox.Registry(t) + "/lambda-frontend"
	out, err := exec.CommandContext(t.Context(), "skopeo", "copy", "--all", "--dest-tls-verify=false", "oci-archive:"+archive, "docker://"+image).CombinedOutput()
	require.NoError(t, err, string(out))
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	want := oneImage(t, d, h.request("nodejs20.x"))
	require.Equal(t, want.Digest, oneImage(t, d, byOwnImage(h.request("nodejs20.x"), image)).Digest)
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
