package test

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lambdabase/internal/mirror"
	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/crane"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"
)

// location is that of a mirror in the registry.
func (s *countedRegistry) location() string { return "oci://" + s.host + "/lambda" }

// uploads are the blobs and the manifests that were put since it was asked last.
func (s *countedRegistry) uploads() (blobs, manifests int) {
	for _, request := range s.asked() {
		switch {
		case !strings.HasPrefix(request, "PUT "):
		case strings.Contains(request, "/manifests/"):
			manifests++
		default:
			blobs++
		}
	}
	return blobs, manifests
}

// tagDigests are the digests of a mirror's tags.
func tagDigests(t testing.TB, location string) map[string]string {
	t.Helper()
	digests, name := map[string]string{}, strings.TrimPrefix(location, "oci://")
	for _, tag := range must(crane.ListTags(name)) {
		digests[tag] = must(crane.Digest(name + ":" + tag))
	}
	return digests
}

// mirroredObjects are the layers of all that a mirror has, by oid.
func mirroredObjects(t testing.TB, location string) map[string]bool {
	t.Helper()
	oids, name := map[string]bool{}, strings.TrimPrefix(location, "oci://")
	for tag := range tagDigests(t, location) {
		manifest, err := v1.ParseManifest(bytes.NewReader(must(crane.Manifest(name + ":" + tag))))
		require.NoError(t, err)
		for _, l := range manifest.Layers {
			if l.MediaType == mirror.ObjectMediaType {
				oids[l.Digest.Hex] = true
			}
		}
	}
	return oids
}

// freeAddress is one of this machine that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// dockerRegistry is Debian's registry, with its data in a folder.
type dockerRegistry struct {
	host, config, data string
	cmd                *exec.Cmd
}

func startDockerRegistry(t testing.TB) *dockerRegistry {
	t.Helper()
	if _, err := exec.LookPath("docker-registry"); err != nil {
		sandbox.Missing(t, err)
	}
	dir := t.TempDir()
	r := &dockerRegistry{host: freeAddress(t), config: filepath.Join(dir, "config.yml"), data: filepath.Join(dir, "data")}
	text := "version: 0.1\nlog: {level: error}\nstorage:\n  filesystem: {rootdirectory: " + r.data + "}\n  delete: {enabled: true}\nhttp: {addr: '" + r.host + "'}\n"
	require.NoError(t, os.WriteFile(r.config, []byte(text), 0o644))
	r.start(t)
	t.Cleanup(r.stop)
	return r
}

func (r *dockerRegistry) start(t testing.TB) {
	t.Helper()
	r.cmd = exec.Command("docker-registry", "serve", r.config)
	require.NoError(t, r.cmd.Start())
	sandbox.Wait(t, func() bool {
		res, err := http.Get("http://" + r.host + "/v2/")
		if err == nil {
			res.Body.Close()
		}
		return err == nil
	}, "docker-registry")
}

func (r *dockerRegistry) stop() {
	r.cmd.Process.Kill()
	r.cmd.Wait()
}

// collectGarbage runs its garbage collection, which wants that nothing is written meanwhile.
func (r *dockerRegistry) collectGarbage(t testing.TB) {
	t.Helper()
	r.stop()
	out, err := exec.Command("docker-registry", "garbage-collect", r.config).CombinedOutput()
	require.NoError(t, err, "%s", out)
	r.start(t)
}

// blobs are the sizes of all blobs in its data, by digest.
func (r *dockerRegistry) blobs(t testing.TB) map[string]int64 {
	t.Helper()
	sizes := map[string]int64{}
	for _, file := range must(filepath.Glob(filepath.Join(r.data, "docker/registry/v2/blobs/sha256/*/*/data"))) {
		sizes[filepath.Base(filepath.Dir(file))] = must(os.Stat(file)).Size()
	}
	return sizes
}
