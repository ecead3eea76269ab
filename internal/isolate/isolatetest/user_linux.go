package isolatetest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"lambdabase/internal/isolate"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// UserID is of a user and a group with subordinate ids, in the files that [AsUser] shows in place of the machine's.
const UserID = 54321

// AsUser runs a command as an ordinary user, in a mount namespace in which that user is known.
func AsUser(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	AsUserWith(t, cmd, "tester:300000:65536\n", "")
}

// AsUserWith is AsUser with other subordinate ids, and commands of root that are run before.
func AsUserWith(t testing.TB, cmd *exec.Cmd, subordinate, before string) {
	t.Helper()
	for _, tool := range []string{"unshare", "setpriv", "newuidmap"} {
		if _, err := isolate.LookPath(tool); err != nil {
			sandbox.Missing(t, err)
		}
	}
	dir := SharedDir(t)
	program, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	for name, content := range map[string]string{
		"passwd":  "root:x:0:0::/root:/bin/sh\ntester:x:54321:54321::/nowhere:/bin/sh\n",
		"group":   "root:x:0:\ntester:x:54321:\n",
		"subuid":  subordinate,
		"subgid":  subordinate,
		"program": string(program),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755))
	}
	script := before + `for f in passwd group subuid subgid; do mount --bind "$0/$f" /etc/$f; done
		exec setpriv --reuid 54321 --regid 54321 --clear-groups "$0/program" "$@"`
	cmd.Args = append([]string{"unshare", "--mount", "sh", "-ec", script, dir}, cmd.Args[1:]...)
	cmd.Path, err = exec.LookPath("unshare")
	require.NoError(t, err)
}

// AsWeakRoot runs a command as root of a container, which may not mount.
func AsWeakRoot(t testing.TB, cmd *exec.Cmd, before string) {
	t.Helper()
	if _, err := isolate.LookPath("setpriv"); err != nil {
		sandbox.Missing(t, err)
	}
	var err error
	script := before + `exec setpriv --bounding-set -sys_admin "$0" "$@"`
	cmd.Args = append([]string{"unshare", "--mount", "sh", "-ec", script, "/proc/self/exe"}, cmd.Args[1:]...)
	program, err := os.Executable()
	require.NoError(t, err)
	cmd.Args[5] = program
	cmd.Path, err = exec.LookPath("unshare")
	require.NoError(t, err)
}

// RootAndUser returns what makes a command run as root, and as an ordinary user.
func RootAndUser() map[string]func(testing.TB, *exec.Cmd) {
	return map[string]func(testing.TB, *exec.Cmd){"root": nil, "user": AsUser}
}

// ForRootAndUser runs a test as each of both.
func ForRootAndUser(t *testing.T, f func(t *testing.T, as func(testing.TB, *exec.Cmd))) {
	for name, as := range RootAndUser() {
		t.Run(name, func(t *testing.T) {
			NeedRoot(t)
			f(t, as)
		})
	}
}

// SharedDir returns a folder that every user may go into: those of t are root's.
func SharedDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "embedded")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// UserDir returns a folder of the ordinary user.
func UserDir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(SharedDir(t), "user")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.Chown(dir, UserID, UserID))
	return dir
}

// DirFor returns a folder of whom a command runs as, one of [RootAndUser].
func DirFor(t testing.TB, as func(testing.TB, *exec.Cmd)) string {
	t.Helper()
	if as == nil {
		return t.TempDir()
	}
	return UserDir(t)
}

// NeedRoot ends a test that can't run without: it tells other users' files and processes apart.
func NeedRoot(t testing.TB, tools ...string) {
	t.Helper()
	if notIsolated != nil {
		sandbox.Missing(t, notIsolated)
	}
	if idMap, err := os.ReadFile("/proc/self/uid_map"); err != nil || !bytes.Contains(idMap, []byte(strconv.Itoa(1<<32-1))) {
		sandbox.Missing(t, fmt.Errorf("root"))
	}
	for _, tool := range tools {
		if _, err := isolate.LookPath(tool); err != nil {
			sandbox.Missing(t, err)
		}
	}
}
