package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lambdabase/internal/sample/githost"
	"lambdabase/test/bench/report"
	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/stretchr/testify/require"
)

// farLink is that of the groups over a slow link.
var farLink = githost.Link{BytesPerSecond: 25e6, RoundTrip: 20 * time.Millisecond}

// env is what all builds share.
type env struct {
	real, many   *host
	registry     *countingRegistry
	frontend     string // its image, in the registry
	home         string // of a user with git-lfs
	command      string // lambdabase
	buildctlFile string
	buildxFile   string
	functions    atomic.Int64
}

func newEnv(t *testing.T, sizes sizes) *env {
	t.Helper()
	t.Setenv("TMPDIR", mountTmpfs(t))
	e := &env{registry: serveRegistry(t), home: t.TempDir(), command: filepath.Join(t.TempDir(), "lambdabase"), buildctlFile: sandbox.Tool(t, "buildctl"), buildxFile: sandbox.Tool(t, "buildx")}
	require.NoError(t, os.WriteFile(filepath.Join(e.home, ".gitconfig"), []byte(gitConfig), 0o644))
	e.real = serveSample(t, sizes.real.copy(t, four), four)
	e.many = serveSample(t, sizes.many.copy(t, nil), nil)
	e.real.prepareCheckouts(t)
	mustRun(t, "CGO_ENABLED=0", "go", "build", "-trimpath", "-ldflags=-s -w", "-o", e.command, "lambdabase/cmd/lambdabase")
	e.pushFrontend(t)
	return e
}

// gitConfig is what git lfs install writes.
const gitConfig = `[filter "lfs"]
	clean = git-lfs clean -- %f
	smudge = git-lfs smudge -- %f
	process = git-lfs filter-process
	required = true
`

// mountTmpfs mounts one, as a disk's own state is measured otherwise: ext4 is two or three times slower after much was removed.
func mountTmpfs(t *testing.T) (dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "lambdabase-bench")
	require.NoError(t, err)
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "mode=0755,size=90%", "lambdabase-bench", dir).CombinedOutput(); err != nil {
		os.Remove(dir)
		t.Fatalf("no tmpfs to measure on, which takes root and the right to mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		out, err := exec.Command("umount", "--lazy", dir).CombinedOutput()
		require.NoError(t, err, string(out))
		require.NoError(t, os.Remove(dir))
	})
	return dir
}

// pushFrontend makes the frontend's image as make image does, and puts it into the registry.
func (e *env) pushFrontend(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Run("frontend", func(t *testing.T) {
		d := sandbox.Start(t)
		mustRun(t, "BUILDKIT_HOST="+d.Addr, "make", "-C", "../..", "--old-file=setup/daemon", "image", "PLATFORMS=linux/amd64", "output=type=oci,tar=false,dest="+dir)
	})
	index, err := layout.ImageIndexFromPath(dir)
	require.NoError(t, err)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	image, err := index.Image(manifest.Manifests[0].Digest)
	require.NoError(t, err)
	e.frontend = e.registry.host + "/" + frontendName
	require.NoError(t, crane.Push(image, e.frontend))
}

func mustRun(t *testing.T, variable, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), variable)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

func (e *env) hostOf(g group) *host {
	if g.many {
		return e.many
	}
	return e.real
}

// machine says where it is measured.
func machine(t *testing.T) report.Machine {
	t.Helper()
	m := report.Machine{Date: time.Now().UTC().Format(time.DateOnly), CPUs: runtime.NumCPU(), Go: runtime.Version()}
	version, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", "github.com/moby/buildkit").Output()
	require.NoError(t, err)
	m.BuildKit = strings.TrimSpace(string(version))
	load, err := os.ReadFile("/proc/loadavg")
	require.NoError(t, err)
	m.Load, err = strconv.ParseFloat(strings.Fields(string(load))[0], 64)
	require.NoError(t, err)
	return m
}
