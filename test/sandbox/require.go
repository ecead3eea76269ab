// Package sandbox starts real BuildKit daemons for tests, talks to them, and reads what they build.
//
// The model is BuildKit's own integration sandbox. That one brings its matrix of workers, its registry mirror and the
// dependencies of all of them; here a test says which daemon it wants and gets exactly that, with a state folder of its
// own, so that nothing is shared with a daemon of the host and nothing stays behind.
//
// A test that can't have what it needs is skipped with the reason; with LAMBDABASE_TEST=required it fails, so that no
// CI run is green because it tested nothing.
package sandbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/pkg/errors"
)

const (
	toolsEnv    = "LAMBDABASE_TOOLS" // the folder with buildkitd, buildctl and buildx; default: bin of the module
	requiredEnv = "LAMBDABASE_TEST"  // "required": whatever is missing is a failure
)

// Require ends a test that can't run here: a daemon needs Linux, root, runc and xz; tools are those of [Tool].
func Require(t testing.TB, tools ...string) {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		Missing(t, errors.New("a BuildKit daemon needs Linux and root"))
	}
	for _, name := range []string{"runc", "xz"} {
		if _, err := exec.LookPath(name); err != nil {
			Missing(t, err)
		}
	}
	for _, name := range tools {
		Tool(t, name)
	}
}

// Tool is the absolute path of buildkitd, buildctl or buildx.
func Tool(t testing.TB, name string) string {
	t.Helper()
	dir, err := toolsDir()
	if err != nil {
		Missing(t, err)
	}
	file, err := exec.LookPath(filepath.Join(dir, name))
	if err != nil {
		Missing(t, errors.Wrapf(err, "tool in the folder of %s", toolsEnv))
	}
	return file
}

// Missing ends a test that can't have what it needs: it is skipped, or fails where nothing may be missing.
func Missing(t testing.TB, reason error) {
	t.Helper()
	if os.Getenv(requiredEnv) == "required" {
		t.Fatalf("missing: %v", reason)
	}
	t.Skipf("missing: %v (%s=required makes this a failure)", reason, requiredEnv)
}

func toolsDir() (string, error) {
	if dir := os.Getenv(toolsEnv); dir != "" {
		return filepath.Abs(dir)
	}
	root, err := moduleRoot()
	return filepath.Join(root, "bin"), err
}

// moduleRoot goes up from the package under test, which is where "go test" runs it.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}
