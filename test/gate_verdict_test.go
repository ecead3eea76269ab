package test

import (
	"archive/tar"
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/crane"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"
)

// noCacheYet imports a cache that isn't there, as the first build of a CI does: so the step that checks layers has to run.
func noCacheYet(registry string) []client.CacheOptionsEntry {
	return []client.CacheOptionsEntry{{Type: "registry", Attrs: map[string]string{"ref": registry + "/none"}}}
}

// unseen are the adversarial layers with attributes that a step has no right to see.
func unseen(layers [][]entry) bool {
	for _, l := range layers {
		for _, e := range l {
			for name := range e.PAXRecords {
				if strings.Contains(name, "trusted.") {
					return true
				}
			}
		}
	}
	return false
}

func TestTheStepsVerdictOnAdversarialLayersIsTheFrontends(t *testing.T) {
	d := sandbox.Start(t, sandbox.WithSnapshotter("overlayfs"))
	frontend, registry := frontendImage(t, d)
	cases := maps.Clone(adversarial)
	maps.Copy(cases, knownDifferences)
	maps.DeleteFunc(cases, func(_ string, layers [][]entry) bool { return unseen(layers) })
	atOnce(t, cases, func(t *testing.T, name string, layers [][]entry) {
		h, _ := serveAdversarial(t, name, layers)
		req := byOwnImage(h.request("case"), frontend)
		req.CacheImports = noCacheYet(registry)
		requireSameBuild(t, d, h.request("case"), req)
	})
}

// requireSameBuild wants a build with a gate to be as another: image, warnings and error.
func requireSameBuild(t *testing.T, d *sandbox.Daemon, plain, gated sandbox.Request) {
	t.Helper()
	image := client.ExportEntry{Type: client.ExporterImage, Attrs: map[string]string{"name": "x"}}
	want, wantErr := d.Solve(t.Context(), t, plain, image)
	got, err := d.Solve(t.Context(), t, gated, image)
	if wantErr != nil {
		require.Error(t, err)
		require.Equal(t, withoutRefs(wantErr), withoutRefs(err))
		return
	}
	require.NoError(t, err)
	require.ElementsMatch(t, warningsOf(want), warningsOf(got))
	require.Equal(t, want.Response["containerimage.digest"], got.Response["containerimage.digest"])
}

// withoutRefs is an error's text without the ids of BuildKit's own.
func withoutRefs(err error) string { return refRE.ReplaceAllString(err.Error(), "ref: ") }

var refRE = regexp.MustCompile(`ref \S+: `)

func TestAFunctionIsTheSameWhetherOrNotItsGateOpens(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	frontend, registry := frontendImage(t, d)
	pack := func(entries ...entry) []byte { return compress(t, packTar(t, entries...)) }
	for name, layers := range map[string][][]byte{
		"opens":        {pack(taskDirs...), pack(file("a", "1"))},
		"conflict":     {pack(taskDirs...), pack(dirEntry("var", 0o700), file("var/a", "1"))},
		"no workdir":   {pack(file("a", "1")), pack(file("b", "1"))},
		"empty":        {pack(taskDirs...), pack()},
		"not unpacked": {pack(taskDirs...), []byte("\x04\x22\x4d\x18 lz4")},
		"not apart":    {pack(append(taskDirs, file("a", "1"))...), pack(hardlink("b", "a"))},
	} {
		t.Run(name, func(t *testing.T) {
			h := serve(t, []sample.Branch{newBranch("nodejs20.x", layers...)})
			plain := byOwnImage(h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nCOPY Dockerfile ./\n"}, "build-arg:SOURCE_DATE_EPOCH", "0"), frontend)
			gated := plain
			gated.CacheImports = noCacheYet(registry)
			requireSameBuild(t, d, plain, gated)
		})
	}
	d.Prune(t)
}

func TestAnErrorOfAFunctionIsTheSameWithAGate(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveRunnable(t)
	frontend, registry := frontendImage(t, d)
	for _, step := range []string{"RUN echo said; exit 3", "COPY nothing /", "COPY --from=nodejs20.x /nothing /"} {
		plain := byOwnImage(h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x\n" + step + "\n"}), frontend)
		gated := plain
		gated.CacheImports = noCacheYet(registry)
		requireSameBuild(t, d, plain, gated)
	}
}

func warningsOf(res *sandbox.Result) (texts []string) {
	for _, w := range res.Warnings {
		texts = append(texts, string(w.Short))
	}
	return texts
}

// withFile is an image with a file more, or another in its place.
func withFile(t *testing.T, image v1.Image, name string, content []byte) v1.Image {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	require.NoError(t, tw.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content)), Format: tar.FormatPAX}))
	_, err := tw.Write(content)
	require.NoError(t, err)
	require.NoError(t, tw.Close())
	changed, err := mutate.AppendLayers(image, static.NewLayer(buf.Bytes(), types.OCIUncompressedLayer))
	require.NoError(t, err)
	return changed
}

func TestAnotherVersionOfTheFrontendTakesTheChecksOfACache(t *testing.T) {
	t.Parallel()
	first := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	frontend, _ := frontendImage(t, first)
	image, err := crane.Pull(frontend)
	require.NoError(t, err)
	r := newPullLog(t)
	cache := cacheModes(r.host, "")["max"]
	req := byOwnImage(h.request("nodejs20.x"), frontend)
	want, _ := push(t, first, req, r.host+"/first")
	req.CacheExports = cache.to
	_, err = first.Solve(t.Context(), t, req)
	require.NoError(t, err)

	checker := fileOf(t, image, "check-layers")
	for name, later := range map[string]v1.Image{
		"the same checker":    withFile(t, image, "version", []byte("2")),
		"another checker":     withFile(t, image, "check-layers", append(bytes.Clone(checker), 0)),
		"a checker that ends": withFile(t, image, "check-layers", []byte("nonsense")),
	} {
		t.Run(name, func(t *testing.T) {
			other := r.host + "/frontend-" + strings.ReplaceAll(name, " ", "-")
			require.NoError(t, crane.Push(later, other))
			h.Reset()
			r.reset()
			req := byOwnImage(h.request("nodejs20.x"), other)
			req.CacheImports = cache.from
			got, progress := push(t, sandbox.Start(t), req, r.host+"/second")
			require.Equal(t, want, got)
			require.Zero(t, h.Total(githost.Object))
			require.Equal(t, name == "the same checker", r.layersPulled(t, r.host+"/first") == 0, progress)
			require.Equal(t, name == "a checker that ends", strings.Contains(progress, "ERROR"), progress)
		})
	}
}

func TestTheCheckerIsTheSameWhereverItIsBuilt(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	frontend, _ := frontendImage(t, d)
	image, err := crane.Pull(frontend)
	require.NoError(t, err)
	require.Equal(t, sha256Of(string(buildChecker(t))), sha256Of(string(fileOf(t, image, "check-layers"))))
}

// buildChecker builds the program as the image does.
func buildChecker(t *testing.T) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "check-layers")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", out, "./cmd/check-layers")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, string(said))
	dt, err := os.ReadFile(out)
	require.NoError(t, err)
	return dt
}

func TestGatesOfManyKindsOfRequests(t *testing.T) {
	t.Parallel()
	builder := sandbox.Start(t)
	h := serveRunnable(t)
	frontend, _ := frontendImage(t, builder)
	two := map[string]string{"Dockerfile": "FROM provided.al2023 AS other\nFROM nodejs20.x\nCOPY --from=other /etc/os-release /other\n"}
	one := map[string]string{"Dockerfile": "FROM nodejs20.x\nCOPY Dockerfile ./\n"}
	for name, request := range map[string]func(*testing.T) sandbox.Request{
		"two platforms": func(*testing.T) sandbox.Request {
			return h.request("nodejs20.x", "platform", "linux/amd64,linux/arm64")
		},
		"function of two platforms": func(t *testing.T) sandbox.Request {
			return h.functionRequest(t, one, "platform", "linux/amd64,linux/arm64")
		},
		"two bases":            func(t *testing.T) sandbox.Request { return h.functionRequest(t, two) },
		"no cache":             func(*testing.T) sandbox.Request { return h.request("nodejs20.x", "no-cache", "") },
		"function, no cache":   func(t *testing.T) sandbox.Request { return h.functionRequest(t, one, "no-cache", "") },
		"provenance":           func(*testing.T) sandbox.Request { return h.request("nodejs20.x", "attest:provenance", "mode=max") },
		"function, provenance": func(t *testing.T) sandbox.Request { return h.functionRequest(t, one, "attest:provenance", "mode=max") },
		"function, SBOM": func(t *testing.T) sandbox.Request {
			return h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x\n"}, "attest:sbom", "generator="+sbomScanner(t, builder))
		},
		"SBOM": func(*testing.T) sandbox.Request {
			return h.request("nodejs20.x", "attest:sbom", "generator="+sbomScanner(t, builder))
		},
		"a step in another stage": func(t *testing.T) sandbox.Request {
			return h.functionRequest(t, map[string]string{"Dockerfile": "FROM provided.al2023 AS b\nRUN echo 1 >/1\nFROM nodejs20.x\nCOPY --from=b /1 /\n"})
		},
		"nothing but the base": func(t *testing.T) sandbox.Request {
			return h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x\n"})
		},
		"layers=merge": func(*testing.T) sandbox.Request { return h.request("nodejs20.x", "layers", "merge") },
		"exclude": func(*testing.T) sandbox.Request {
			return h.request("nodejs20.x", "exclude", "/usr/local/bin/aws-lambda-rie")
		},
		"objects by the batch API": func(*testing.T) sandbox.Request { return h.request("nodejs20.x", "objects", "lfs") },
	} {
		t.Run(name, func(t *testing.T) {
			r := newPullLog(t)
			cache := cacheModes(r.host, "")["max"]
			plain := request(t)
			first, second := byOwnImage(plain, frontend), byOwnImage(plain, frontend)
			first.CacheExports, second.CacheImports = cache.to, cache.from
			imagesOf := func(d *sandbox.Daemon, req sandbox.Request) (digests []string) {
				images, err := d.OCI(t, req)
				require.NoError(t, err)
				for _, i := range images {
					digests = append(digests, i.Digest.String())
				}
				return digests
			}
			d := sandbox.Start(t)
			want := imagesOf(d, first)
			_, uncached := plain.Attrs["no-cache"]
			if plain.Attrs["runtime"] != "" && plain.Attrs["objects"] != "lfs" { // what stands on a base has the time of its own build
				require.Equal(t, want, imagesOf(d, plain), "as without a check by a step")
			}
			build := func() (leaked []string) {
				h.Reset()
				fresh := sandbox.Start(t)
				got := imagesOf(fresh, second)
				if plain.Attrs["runtime"] != "" || !uncached {
					require.Equal(t, want, got)
				}
				if !uncached {
					require.Zero(t, h.Total(githost.Object))
				}
				return fresh.Leaked(t)
			}
			// BuildKit v0.33.1 never frees what a scanner stands on where it finds its report in the cache a moment too late (see unsolved in
			// lambda2llb; in one build of some 20 where processors are busy). What a frontend has it leak is there each time.
			_, scans := plain.Attrs["attest:sbom"]
			leaked := build()
			for tries := 1; scans && len(leaked) > 0 && tries < 3; tries++ {
				t.Logf("tried once more: %v", leaked)
				leaked = build()
			}
			require.Empty(t, leaked)
		})
	}
}
