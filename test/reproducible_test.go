package test

import (
	"bytes"
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lambdabase/test/sandbox"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
)

// copySource copies what git has of this checkout, or would have, into a folder of its own. All files have another time.
func copySource(t *testing.T, age time.Duration) string {
	t.Helper()
	dir := t.TempDir()
	list := exec.CommandContext(t.Context(), "git", "-C", "..", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	out, err := list.Output()
	require.NoError(t, err)
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		info, err := os.Stat(filepath.Join("..", name))
		if os.IsNotExist(err) { // it was removed, which git isn't told yet
			continue
		}
		require.NoError(t, err)
		dt, err := os.ReadFile(filepath.Join("..", name))
		require.NoError(t, err)
		to := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
		require.NoError(t, os.WriteFile(to, dt, info.Mode().Perm()))
		require.NoError(t, os.Chtimes(to, time.Now(), time.Now().Add(-age)))
	}
	tools, err := filepath.Abs("../bin")
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "bin"), 0o755))
	for _, tool := range []string{"buildctl", "buildkitd"} {
		require.NoError(t, os.Symlink(filepath.Join(tools, tool), filepath.Join(dir, "bin", tool)))
	}
	return dir
}

func TestTwoBuildsInTwoFoldersAreTheSame(t *testing.T) {
	type build struct{ command, frontend, image digest.Digest }
	var builds [2]build
	targets := []string{"image"}
	if os.Getenv(slowEnv) != "" { // the command, which takes several times as long to link
		targets = append(targets, "bin/lambdabase")
	}
	for i := range builds {
		dir := copySource(t, time.Duration(i)*time.Hour)
		d := sandbox.Start(t) // one that has built it already would know the answer
		cmd := exec.CommandContext(t.Context(), "make", append(targets, "-C", dir, "--old-file=setup/daemon",
			"PLATFORMS=linux/amd64", "SOURCE_DATE_EPOCH=1700000000", "output=type=oci,tar=false,dest="+filepath.Join(dir, "image"))...)
		cmd.Env = append(os.Environ(), "BUILDKIT_HOST="+d.Addr)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		image := layoutImage(t, filepath.Join(dir, "image"))
		id, err := image.Digest()
		require.NoError(t, err)
		for name, to := range map[string]*digest.Digest{"bin/lambdabase": &builds[i].command, "bin/image/linux_amd64/lambda-frontend": &builds[i].frontend} {
			if len(targets) == 1 && name == "bin/lambdabase" {
				continue
			}
			dt, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			require.NotContains(t, string(dt), dir, "where it was built is nobody's business")
			*to = digest.FromBytes(dt)
		}
		builds[i].image = digest.Digest(id.String())
	}
	require.Equal(t, builds[0], builds[1])
}

// What a program is built of it says itself, to go version -m and to scanners of images.
func TestTheImageSaysWhatItIsBuiltOf(t *testing.T) {
	d := sandbox.Start(t)
	frontendImage(t, d)
	info, err := buildinfo.Read(bytes.NewReader(fileOf(t, layoutImage(t, frontendDir), "lambda-frontend")))
	require.NoError(t, err)
	require.Equal(t, "lambdabase/cmd/lambda-frontend", info.Path)
	out, err := exec.CommandContext(t.Context(), "go", "list", "-C", "..", "-deps", "-f", "{{with .Module}}{{.Path}} {{.Version}}{{end}}", "./cmd/lambda-frontend").Output()
	require.NoError(t, err)
	want := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if module, version, ok := strings.Cut(strings.TrimSpace(line), " "); ok && module != "lambdabase" {
			want[module] = version
		}
	}
	got := map[string]string{}
	for _, m := range info.Deps {
		require.NotEmpty(t, m.Sum, m.Path)
		got[m.Path] = m.Version
	}
	require.NotEmpty(t, want)
	require.Equal(t, want, got)
}
