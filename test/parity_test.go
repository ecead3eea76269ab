package test

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lambdabase/frontend"
	"lambdabase/internal/sample"
	"lambdabase/test/fstree"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/session/sshforward/sshprovider"
	"github.com/stretchr/testify/require"
)

// ours is the frontend that has to do what dockerfile.v0 does.
var ours gateway.BuildFunc = frontend.Frontend{}.Build

const parityData = "testdata/parity"

// TestParityOfFeatures builds Dockerfiles, each about one feature, with BuildKit's own frontend and with ours. Both use
// the same daemon, so that a step of ours that isn't the same as BuildKit's shows: it is done again, at another time.
func TestParityOfFeatures(t *testing.T) {
	t.Parallel()
	buildBoth(t, "features", 65, func(t *testing.T, c parityCase, want, got built) {
		require.NoError(t, want.err)
		require.NoError(t, got.err)
		require.Equal(t, want.steps, got.steps)
		require.Equal(t, want.warnings, got.warnings)
		requireEqualImages(t, c, want.images, got.images)
	})
}

// buildBoth builds the cases below a folder, of which there are so many at least, with both frontends: once more where the two
// differ. What goes on at once ends in one order or another, in BuildKit's own builds too; a frontend that asks for something else
// differs each time.
func buildBoth(t *testing.T, dir string, atLeast int, check func(t *testing.T, c parityCase, want, got built)) {
	p := newParity(t)
	names := parityNames(t, dir)
	require.GreaterOrEqual(t, len(names), atLeast)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			c := p.read(t, dir+"/"+name)
			want, got := p.build(t, c.official), p.build(t, c.ours)
			if !want.isLike(got) {
				want, got = p.build(t, c.official), p.build(t, c.ours)
			}
			check(t, c, want, got)
		})
	}
}

// parity is where both frontends build: a daemon, and what Dockerfiles refer to.
type parity struct {
	*sandbox.Daemon
	hub          string            // the mirror
	placeholders *strings.Replacer // what stands for an address that isn't known before
	session      []session.Attachable
}

// newParity has a mirror in the place of Docker Hub, with the images of testdata, and no way out.
func newParity(t *testing.T) *parity {
	t.Helper()
	registry := sandbox.Registry(t)
	p := &parity{
		Daemon:       sandbox.Start(t, append(hubMirror(registry), sandbox.WithSnapshotter("overlayfs"))...),
		hub:          registry,
		placeholders: strings.NewReplacer("{registry}", registry, "{http}", fileServer(t), "{git}", gitServer(t)),
		session:      []session.Attachable{secretsprovider.FromMap(map[string][]byte{"token": []byte("s3cret")}), sshAgent(t)},
	}
	for _, name := range parityNames(t, "images") {
		c := p.read(t, "images/"+name)
		_, err := p.Solve(t.Context(), t, c.official, client.ExportEntry{
			Type: client.ExporterImage, Attrs: map[string]string{"name": registry + "/library/" + name, "push": "true"},
		})
		require.NoError(t, err, name)
	}
	return p
}

// hubMirror has a daemon take a registry for Docker Hub, and leaves it no way out.
func hubMirror(registry string) []sandbox.Option {
	return []sandbox.Option{
		sandbox.WithConfig(fmt.Sprintf("[registry.\"docker.io\"]\n  mirrors = [%q]\n[registry.%q]\n  http = true\n", registry, registry)),
		sandbox.WithEnv("HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY=127.0.0.1"),
	}
}

// fileServer has the files of http.txt, dated: ADD takes the server's date.
func fileServer(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	unpackCase(t, "http", strings.NewReplacer(), dir)
	require.NoError(t, filepath.WalkDir(dir, func(file string, _ fs.DirEntry, _ error) error {
		return os.Chtimes(file, commitTime, commitTime)
	}))
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	return server.URL
}

// gitServer has a repository whose branch "app" can also be a context.
func gitServer(t *testing.T) string {
	t.Helper()
	h := serve(t, []sample.Branch{{Name: "app", Date: commitTime, Files: map[string][]byte{
		"Dockerfile":    []byte("FROM scratch\nCOPY . /\n"),
		"sub/in-sub":    []byte("sub\n"),
		"hello":         []byte("hello\n"),
		".dockerignore": []byte("Dockerfile\n"),
	}}})
	url, _ := h.URLs(h.URL)
	return url
}

// sshAgent is the socket of an SSH agent that nobody asks for keys.
func sshAgent(t *testing.T) session.Attachable {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // short: a socket's path is limited
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "agent")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	provider, err := sshprovider.NewSSHAgentProvider([]sshprovider.AgentConfig{{Paths: []string{socket}}})
	require.NoError(t, err)
	return provider
}

// parityCase is a build, once with BuildKit's own frontend and once with ours.
type parityCase struct {
	official, ours sandbox.Request
	fails          string // the error has this in it; empty: it builds
}

// parityNames are the cases below a folder, by their paths.
func parityNames(t *testing.T, dir string) (names []string) {
	t.Helper()
	root := filepath.Join(parityData, dir)
	require.NoError(t, filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(root, file)
			names = append(names, strings.TrimSuffix(name, ".txt"))
		}
		return err
	}))
	return names
}

// read makes a case from its file; testdata/parity/README.md says how that is written.
func (p *parity) read(t *testing.T, name string) parityCase {
	t.Helper()
	dir := t.TempDir()
	var c parityCase
	attrs := map[string]string{}
	for _, line := range unpackCase(t, name, p.placeholders, dir) {
		if fails, ok := strings.CutPrefix(line, "! "); ok {
			c.fails = fails
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		require.True(t, ok, line)
		attrs[key] = value
	}
	c.official = sandbox.Request{Frontend: "dockerfile.v0", Attrs: attrs, Dirs: localMounts(dir, attrs), Session: p.session}
	c.ours = c.official
	c.ours.Frontend, c.ours.Func = "", ours
	return c
}

// localMounts are the two of every build, and those that named contexts refer to.
func localMounts(dir string, attrs map[string]string) map[string]string {
	mounts := map[string]string{"context": dir, "dockerfile": dir}
	for key, value := range attrs {
		if name, ok := strings.CutPrefix(value, "local:"); ok && strings.HasPrefix(key, "context:") {
			mounts[name] = filepath.Join(dir, name)
		}
	}
	return mounts
}

var fileMark = regexp.MustCompile(`(?m)^-- (.+) --\n`)

// unpackCase writes the files of a case, runs its commands, and gives the other lines of its head.
func unpackCase(t *testing.T, name string, places *strings.Replacer, dir string) (head []string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(parityData, name+".txt"))
	require.NoError(t, err)
	text := places.Replace(string(raw))
	marks := append(fileMark.FindAllStringSubmatchIndex(text, -1), []int{len(text)})
	for i, mark := range marks[:len(marks)-1] {
		file := filepath.Join(dir, text[mark[2]:mark[3]])
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text[mark[1]:marks[i+1][0]]), 0o644))
	}
	for line := range strings.SplitSeq(strings.TrimSpace(text[:marks[0][0]]), "\n") {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			sh := exec.Command("sh", "-ec", command)
			sh.Dir = dir
			out, err := sh.CombinedOutput()
			require.NoError(t, err, "%s: %s", command, out)
		} else if line != "" && !strings.HasPrefix(line, "#") {
			head = append(head, line)
		}
	}
	return head
}

// built is what a user sees of a build.
type built struct {
	images   []sandbox.Image
	warnings []string
	steps    []string
	err      error
}

// isLike tells that two builds have shown the same steps, and made the same images.
func (b built) isLike(other built) bool {
	sameDigest := func(x, y sandbox.Image) bool { return x.Digest == y.Digest }
	return slices.Equal(b.steps, other.steps) && slices.EqualFunc(b.images, other.images, sameDigest)
}

func (p *parity) build(t *testing.T, req sandbox.Request) built {
	t.Helper()
	file := filepath.Join(t.TempDir(), "image.tar")
	result, err := p.Solve(t.Context(), t, req, client.ExportEntry{
		Type:   client.ExporterOCI,
		Output: func(map[string]string) (io.WriteCloser, error) { return os.Create(file) },
	})
	b := built{warnings: warnings(result), steps: steps(result), err: err}
	if err == nil {
		b.images, err = sandbox.ReadOCI(file)
		require.NoError(t, err)
	}
	return b
}

// requireEqualImages wants the same digests, which times of building are in: a step that is taken from the cache has the
// time it was done at. Only what was done again for want of a cache is compared without them.
func requireEqualImages(t *testing.T, c parityCase, want, got []sandbox.Image) {
	t.Helper()
	require.Len(t, got, len(want))
	_, again := c.official.Attrs["no-cache"]
	ignore := fstree.IgnoreMtime(func(string) bool { return again })
	for i := range want {
		if want[i].Digest == got[i].Digest {
			continue
		}
		require.Equal(t, parityConfig(t, want[i], again), parityConfig(t, got[i], again))
		wantTree, err := want[i].Tree()
		require.NoError(t, err)
		gotTree, err := got[i].Tree()
		require.NoError(t, err)
		require.Empty(t, fstree.Diff(wantTree, gotTree, ignore))
		require.True(t, again, "other manifests")
	}
}

// parityConfig is an image's config, without times and digests of layers if it was built again.
func parityConfig(t *testing.T, image sandbox.Image, again bool) (config map[string]any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(image.Config, &config))
	if !again {
		return config
	}
	delete(config, "created")
	delete(config, "rootfs")
	for _, h := range config["history"].([]any) {
		delete(h.(map[string]any), "created")
	}
	return config
}
