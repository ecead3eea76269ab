package test

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/test/fstree"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/stretchr/testify/require"
)

const (
	slsaType = "https://slsa.dev/provenance/v1"
	linkType = "https://in-toto.io/attestation/link/v0.3"
)

// material is what both kinds of statement say of a part.
type material struct {
	Name, URI string
	Digest    map[string]string
}

type statement struct {
	PredicateType string
	Predicate     struct {
		Environment     map[string]string
		Materials       []material
		BuildDefinition struct{ ResolvedDependencies []material }
	}
}

// statements are those of an image that is an OCI layout in a folder, by their types.
func statements(t testing.TB, dir string) map[string][]statement {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "*"))
	require.NoError(t, err)
	found := map[string][]statement{}
	for _, file := range files {
		dt, err := os.ReadFile(file)
		require.NoError(t, err)
		var s statement
		if json.Unmarshal(dt, &s) == nil && s.PredicateType != "" {
			found[s.PredicateType] = append(found[s.PredicateType], s)
		}
	}
	return found
}

// oids are those of a runtime that upstream serves.
func oids(t testing.TB, arch, runtime string) (found []string) {
	t.Helper()
	made, err := sample.Upstream(sample.UpstreamOptions{Scale: 0.001, Branches: []string{runtime}})
	require.NoError(t, err)
	for name, content := range made[0].LFS {
		if strings.HasPrefix(name, arch+"/") {
			found = append(found, sha256Of(string(content)))
		}
	}
	require.NotEmpty(t, found)
	return found
}

// requireLink looks for everything that the image is made of in one statement.
func requireLink(t testing.TB, h *repoServer, s statement, runtime string) {
	t.Helper()
	repository, _ := h.URLs(h.URL)
	commit := must(h.Commit(runtime))
	require.Equal(t, map[string]string{"runtime": runtime, "repository": repository, "commit": commit, "platform": "linux/arm64"}, s.Predicate.Environment)
	require.Equal(t, material{"arm64/Dockerfile." + runtime, repository, map[string]string{"sha1": commit}}, s.Predicate.Materials[0])
	named := map[string]bool{}
	for _, m := range s.Predicate.Materials[1:] {
		named[m.Digest["sha256"]] = true
		require.True(t, strings.HasPrefix(m.URI, "http://") || strings.HasPrefix(m.URI, "lfs+http://"), m.URI)
	}
	for _, oid := range oids(t, "arm64", runtime) {
		require.True(t, named[oid], oid)
	}
}

func TestProvenanceNamesAllThatAnImageIsMadeOf(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	image, _ := frontendImage(t, d)
	function := map[string]string{"Dockerfile": "FROM nodejs20.x\nCOPY Dockerfile /\n"}
	for name, req := range map[string]sandbox.Request{
		"by URL":     h.byImage(image, "nodejs20.x", "objects", h.options("")["objects"]),
		"by a step":  h.byImage(image, "nodejs20.x"),
		"a function": h.functionRequest(t, function),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			req.Attrs["attest:provenance"], req.Attrs["platform"] = "mode=min", "linux/arm64"
			_, err := d.Solve(t.Context(), t, req, client.ExportEntry{Type: client.ExporterOCI, Attrs: map[string]string{"tar": "false"}, OutputDir: dir})
			require.NoError(t, err)
			found := statements(t, dir)
			require.Len(t, found[slsaType], 1)
			require.Len(t, found[linkType], 1)
			requireLink(t, h, found[linkType][0], "nodejs20.x")
		})
	}
}

func TestProvenanceByTheCommandNamesAllThatAnImageIsMadeOf(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *testing.T, c *cli, where []string) {
		h := serveUpstream(t, "nodejs20.x")
		for _, more := range [][]string{nil, nil, {"--objects=lfs"}, {"--objects=lfs"}} { // the second time by what is known of the layers
			args := append(append(buildArgs(h, "nodejs20.x"), where...), "--platform=linux/arm64", "--opt=attest:provenance=mode=min", "-o", "type=oci,tar=false,dest=image")
			c.mustRun(t, append(args, more...)...)
			found := statements(t, c.file("image"))
			require.Len(t, found[linkType], 1)
			requireLink(t, h, found[linkType][0], "nodejs20.x")

			// BuildKit's own says the same of what it fetched, and of what the command gave it.
			require.Len(t, found[slsaType], 1)
			var digests []string
			for _, m := range found[slsaType][0].Predicate.BuildDefinition.ResolvedDependencies {
				for _, dgst := range m.Digest {
					digests = append(digests, dgst)
				}
			}
			require.Contains(t, digests, must(h.Commit("nodejs20.x")))
			for _, oid := range oids(t, "arm64", "nodejs20.x") {
				require.Contains(t, digests, oid)
			}
			require.NoError(t, os.RemoveAll(c.file("image")))
		}
		c.mustRun(t, append(append(buildArgs(h, "nodejs20.x"), where...), "-o", "type=oci,tar=false,dest=image")...)
		require.Empty(t, statements(t, c.file("image")), "only where it is asked for")
	})
}

// forImages is what buildx asks for by itself.
const forImages = "mode=min,inline-only=true"

func TestProvenanceForImagesIsInNoFolderAndNoArchive(t *testing.T) {
	t.Parallel()
	requireProvenanceForImages(t, sandbox.Start(t))
}

func requireProvenanceForImages(t *testing.T, d *sandbox.Daemon) {
	h := serveUpstream(t, "nodejs20.x")
	plain, hidden := h.request("nodejs20.x"), h.request("nodejs20.x", "attest:provenance", forImages)
	asked := h.request("nodejs20.x", "attest:provenance", "mode=min")
	for name, export := range map[string]func(testing.TB, sandbox.Request) (fstree.Tree, error){"tar": d.Tar, "local": d.Local} {
		want, err := export(t, plain)
		require.NoError(t, err)
		got, err := export(t, hidden)
		require.NoError(t, err)
		require.Empty(t, fstree.Diff(want, got), name)
		got, err = export(t, asked)
		require.NoError(t, err)
		require.Contains(t, got, "/lambdabase.json", name)
	}
	for _, more := range []map[string]string{nil, {"oci-mediatypes": "false"}} {
		for _, exporter := range []string{client.ExporterOCI, client.ExporterDocker} {
			want := exportedDigest(t, d, plain, exporter, more)
			require.Equal(t, want, exportedDigest(t, d, hidden, exporter, more), exporter)
			if more == nil {
				require.NotEqual(t, want, exportedDigest(t, d, asked, exporter, more), exporter)
			}
		}
	}
	image := func(req sandbox.Request) string { return exportedDigest(t, d, req, client.ExporterImage, nil) }
	require.NotEqual(t, image(plain), image(hidden), "an image in a store has it")
}

// exportedDigest is that of the manifest, or of the index, that an exporter makes.
func exportedDigest(t *testing.T, d *sandbox.Daemon, req sandbox.Request, exporter string, attrs map[string]string) string {
	t.Helper()
	entry := client.ExportEntry{Type: exporter, Attrs: attrs}
	if exporter != client.ExporterImage {
		entry.Output = func(map[string]string) (io.WriteCloser, error) {
			return os.Create(filepath.Join(t.TempDir(), "image.tar"))
		}
	}
	res, err := d.Solve(t.Context(), t, req, entry)
	require.NoError(t, err)
	require.NotEmpty(t, res.Response[exptypes.ExporterImageDigestKey])
	return res.Response[exptypes.ExporterImageDigestKey]
}
