package test

import (
	"debug/buildinfo"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lambdabase/test/compat"
	"lambdabase/test/fstree"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

const (
	// oldDaemons are the daemons to try: versions of BuildKit in bin/buildkitd-<version>, brought by make test-oldest, test-full
	// and test-compat, and dockerEngine.
	oldDaemons = "LAMBDABASE_BUILDKITS"
	// compatDir is the folder of the document that is written anew; without it, what is found is compared with it.
	compatDir    = "LAMBDABASE_COMPAT"
	dockerEngine = "docker-20.10"
)

// trial is a daemon that features are tried on.
type trial struct {
	name   string // as the document has it
	start  func(*testing.T, needs) *sandbox.Daemon
	images bool // it exports OCI images
}

// onHostNetwork has a request's steps run where they reach servers of the test: Docker's engine has no network but the host's.
func (tr trial) onHostNetwork(req sandbox.Request) sandbox.Request {
	if !tr.images {
		req.Attrs["force-network-mode"] = "host"
		req.Entitlements = []string{"network.host"}
	}
	return req
}

// needs are what a feature asks of a daemon.
type needs struct {
	programs []string // all that there are in its PATH; none: those of the host
	hub      string   // a registry in the place of Docker Hub
}

// newTrial has a daemon by the name that it has in oldDaemons.
func newTrial(t *testing.T, name string) trial {
	t.Helper()
	if name == dockerEngine {
		return trial{name: "Docker Engine 20.10", start: startEngineDaemon}
	}
	binary := sandbox.Tool(t, "buildkitd")
	if versionOf(t, binary) != name {
		binary = sandbox.Tool(t, "buildkitd-"+name)
		require.Equal(t, name, versionOf(t, binary), binary)
	}
	start := func(t *testing.T, n needs) *sandbox.Daemon {
		return sandbox.Start(t, append(n.options(t), sandbox.WithBinary(binary))...)
	}
	return trial{name: name, start: start, images: true}
}

// versionOf is the version of BuildKit that a program was built of.
func versionOf(t *testing.T, binary string) string {
	t.Helper()
	info, err := buildinfo.ReadFile(binary)
	require.NoError(t, err)
	return info.Main.Version
}

// options are the needs as those of a buildkitd.
func (n needs) options(t *testing.T) []sandbox.Option {
	t.Helper()
	opts := []sandbox.Option{sandbox.WithSnapshotter("overlayfs")}
	if n.programs != nil {
		opts = append(opts, sandbox.WithPath(sandbox.PathOf(t, n.programs...)))
	}
	if n.hub != "" {
		opts = append(opts, hubMirror(n.hub)...)
	}
	return opts
}

// onOldDaemons runs a test for each of them that is a buildkitd, with a daemon of that version.
func onOldDaemons(t *testing.T, test func(t *testing.T, start func(...sandbox.Option) *sandbox.Daemon)) {
	for _, name := range oldDaemonNames(t) {
		if name == dockerEngine {
			continue
		}
		t.Run(name, func(t *testing.T) {
			binary := sandbox.WithBinary(sandbox.Tool(t, "buildkitd-"+name))
			test(t, func(opts ...sandbox.Option) *sandbox.Daemon { return sandbox.Start(t, append(opts, binary)...) })
		})
	}
}

// oldDaemonNames are the daemons to try; a test without any is skipped.
func oldDaemonNames(t *testing.T) []string {
	t.Helper()
	names := strings.Fields(os.Getenv(oldDaemons))
	if len(names) == 0 {
		t.Skipf("no versions in %s: make test-oldest builds one", oldDaemons)
	}
	return names
}

// TestOlderDaemons tries each feature on each daemon. What it finds is what docs/compatibility.md says, or it writes that anew.
func TestOlderDaemons(t *testing.T) {
	for _, name := range oldDaemonNames(t) {
		t.Run(name, func(t *testing.T) {
			tr := newTrial(t, name)
			found := compat.Daemon{Name: tr.name, Verdicts: map[string]compat.Verdict{}}
			for _, f := range features {
				t.Run(f.name, func(t *testing.T) {
					found.Verdicts[f.name] = f.try(t, tr)
					if os.Getenv(compatDir) == "" {
						requirePublished(t, tr.name, f.name, found.Verdicts[f.name])
					}
				})
			}
			if dir := os.Getenv(compatDir); dir != "" && !t.Failed() && len(found.Verdicts) == len(features) {
				record(t, dir, found)
			}
		})
	}
}

// record puts what was found into the document.
func record(t *testing.T, dir string, found compat.Daemon) {
	t.Helper()
	file := filepath.Join(dir, "compatibility.json")
	r := readCompat(t, file)
	r.Features = nil
	for _, f := range features {
		r.Features = append(r.Features, f.name)
	}
	r.Put(found)
	dt, err := r.JSON()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, dt, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "compatibility.md"), []byte(r.Markdown()), 0o644))
}

// requirePublished compares what was found with the document, if that has the daemon.
func requirePublished(t *testing.T, daemon, feature string, found compat.Verdict) {
	t.Helper()
	if d, ok := readCompat(t, "../docs/compatibility.json").Find(daemon); ok {
		require.Equal(t, d.Verdicts[feature], found, "make test-compat writes the document anew")
	}
}

func readCompat(t *testing.T, file string) compat.Report {
	t.Helper()
	dt, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return compat.Report{}
	}
	require.NoError(t, err)
	r, err := compat.Parse(dt)
	require.NoError(t, err)
	return r
}

// requireSameImage compares what two daemons made.
func requireSameImage(t *testing.T, want, got sandbox.Image) {
	t.Helper()
	require.Equal(t, diffIDs(want), diffIDs(got))
	require.Equal(t, configOf(t, want), configOf(t, got))
	require.Equal(t, imageConfig(t, want).Created, imageConfig(t, got).Created)
	require.Equal(t, imageConfig(t, want).History, imageConfig(t, got).History)
	wantTree, err := want.Tree()
	require.NoError(t, err)
	gotTree, err := got.Tree()
	require.NoError(t, err)
	require.Empty(t, fstree.Diff(wantTree, gotTree))
}

func diffIDs(image sandbox.Image) (ids []string) {
	for _, l := range image.Layers {
		ids = append(ids, l.DiffID.String())
	}
	return ids
}
