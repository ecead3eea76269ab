package test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lambdabase/frontend"
	"lambdabase/internal/document"
	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withFrontend is a registry that has the frontend's image too, and a mirror of runtimes.
func (h *repoServer) withFrontend(t *testing.T, d *sandbox.Daemon, runtimes ...string) (m *mirrorServer, image string) {
	t.Helper()
	registry := serveCountedRegistry(t)
	image = pushFrontendImage(t, d, registry.host)
	return h.mirrorIn(t, registry, d, runtimes...), image
}

func TestAnAirGappedBuildAsksOneRegistry(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	m, image := h.withFrontend(t, d, "nodejs20.x")
	want := oneImage(t, d, h.request("nodejs20.x"))
	text := lock(t, d, h.request("nodejs20.x"))
	h.Close()
	outside := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		assert.Fail(t, "another host was asked", "%s %s", r.Method, r.URL)
	}))
	t.Cleanup(outside.Close)

	air := sandbox.Start(t, sandbox.WithEnv("HTTP_PROXY="+outside.URL, "HTTPS_PROXY="+outside.URL, "ALL_PROXY="+outside.URL, "NO_PROXY=127.0.0.1"))
	x := newBuildx(t, air)
	m.asked()
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "image.tar")
	args := []string{"build", "--builder=sandbox", "--provenance=false", "--output=type=oci,dest=" + file, "--build-arg=BUILDKIT_SYNTAX=" + image,
		"--build-arg=LAMBDABASE_RUNTIME=nodejs20.x", "--build-arg=LAMBDABASE_REPOSITORY=" + m.location(), dir}
	x.run(t, args...)
	requireDigest(t, file, want)
	require.NotEmpty(t, m.asked())
	x.run(t, args...)
	require.Equal(t, []string{"HEAD /v2/aws/lambda/manifests/nodejs20.x", "HEAD /v2/lambda-frontend/manifests/latest"}, sorted(m.asked()),
		"a warm build asks whether two tags have moved")

	require.NoError(t, os.WriteFile(filepath.Join(dir, document.LockName), []byte(text), 0o644))
	x.run(t, args...)
	requireDigest(t, file, want)
	require.Equal(t, []string{"HEAD /v2/lambda-frontend/manifests/latest"}, m.asked(), "of a lock file the frontend's own")
}

func TestAPrivateMirrorTakesDockersCredentials(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x", "go1.x")
	m := h.mirror(t, d, "nodejs20.x", "go1.x")
	want := oneImage(t, d, h.request("nodejs20.x"))
	m.inject(func(w http.ResponseWriter, r *http.Request) bool {
		user, password, _ := r.BasicAuth()
		if user == "joe" && password == "pa55" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	auth := base64.StdEncoding.EncodeToString([]byte("joe:pa55"))
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		args := append([]string{"build", "nodejs20.x", "--repository=" + m.location(), "-o", "image.tar"}, where...)
		require.Contains(t, c.mustFail(t, 1, args...), m.location()+" answers with status 401, unauthorized: docker login "+m.host+" where the build is started")
		c.setDockerConfig(t, fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, m.host, auth))
		c.mustRun(t, args...)
		requireDigest(t, c.file("image.tar"), want)

		lock := c.mustRun(t, append([]string{"lock", "go1.x", "--repository=" + m.location()}, where...)...)
		require.Contains(t, lock, must(h.Commit("go1.x"))[:12])
	})
}

func TestProvenanceNamesTheMirror(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	m := h.mirror(t, d, "nodejs20.x")
	manifest, err := crane.Digest(m.host + "/" + m.name + ":nodejs20.x")
	require.NoError(t, err)
	layoutDir := h.mirrorLayout(t, d, "nodejs20.x")
	repository, _ := h.URLs(h.URL)
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		for location, uri := range map[string]string{m.location(): m.location(), "oci-layout:" + layoutDir: "oci-layout:"} {
			args := append([]string{"build", "nodejs20.x", "--repository=" + location, "--platform=linux/arm64", "--opt=attest:provenance=mode=max", "-o", "type=oci,tar=false,dest=image"}, where...)
			c.mustRun(t, args...)
			found := statements(t, c.file("image"))
			require.Len(t, found[linkType], 1)
			link := found[linkType][0].Predicate
			require.Equal(t, repository, link.Environment["repository"])
			require.Equal(t, material{"mirrored snapshot", uri, map[string]string{"sha256": strings.TrimPrefix(manifest, "sha256:")}}, link.Materials[1])
			fetched := map[string]bool{}
			for _, m := range found[slsaType][0].Predicate.BuildDefinition.ResolvedDependencies {
				fetched[m.Digest["sha256"]] = true
			}
			for _, object := range link.Materials[2:] {
				require.Equal(t, uri, object.URI)
				require.True(t, fetched[object.Digest["sha256"]], "BuildKit's own provenance names it too")
			}
			require.Len(t, link.Materials, 8)
			requireNoPath(t, c.file("image"), layoutDir)
			require.NoError(t, os.RemoveAll(c.file("image")))
		}
	})
}

// requireNoPath looks for a path in all files of a folder.
func requireNoPath(t *testing.T, dir, path string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "*"))
	require.NoError(t, err)
	for _, file := range files {
		dt, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotContains(t, string(dt), path, file)
	}
}

func TestSourcePoliciesSeeSnapshotsAndObjectsOfAMirror(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "go1.x")
	m, image := h.withFrontend(t, d, "go1.x")
	object := h.document(t, d, "go1.x").Objects()[0].OID
	args := append([]string{"build", "--frontend=gateway.v0", "--opt=source=" + image}, flags(m.options("go1.x"), "--opt=", plainName)...)
	for _, denied := range []string{"docker-image://" + m.host + "/aws/lambda:go1.x", "docker-image+blob://" + m.host + "/aws/lambda@sha256:" + object} {
		policy := filepath.Join(t.TempDir(), "policy.json")
		require.NoError(t, os.WriteFile(policy, []byte(fmt.Sprintf(`{"rules":[{"action":"DENY","selector":{"identifier":%q}}]}`, denied)), 0o644))
		out, err := d.Buildctl(t, append(args, "--source-policy-file="+policy)...)
		require.Error(t, err, out)
		require.Contains(t, out, "denied by policy")
	}
	out, err := d.Buildctl(t, args...)
	require.NoError(t, err, out)
}

func TestWarningsStandAtAStepThatIsShown(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "go1.x")
	m := h.mirror(t, d, "go1.x")
	later := frontend.Frontend{Today: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}.Build
	ofMirror, ofLock := m.request("go1.x"), withLock(t, h.request("go1.x"), lock(t, d, h.request("go1.x")))
	ofMirror.Func, ofLock.Func = later, later
	for step, req := range map[string]sandbox.Request{"use " + m.location(): ofMirror, "obey lambda.lock.json": ofLock} {
		result, err := d.Solve(t.Context(), t, req)
		require.NoError(t, err)
		require.Len(t, result.Warnings, 1, step)
		require.Regexp(t, `(?m)^#\d+ `+regexp.QuoteMeta(step), result.Progress)
	}
}

func sorted(texts []string) []string {
	return slices.Sorted(slices.Values(texts))
}
