package embedded

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"lambdabase/test/sandbox"

	"github.com/containerd/containerd/v2/core/content"
	contentlocal "github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
	"github.com/tonistiigi/fsutil"
)

// counted puts a counter before the server of a build.
func counted(t testing.TB, b *build) *atomic.Int64 {
	t.Helper()
	target, err := url.Parse(b.Server)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	asked := &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	b.Server = s.URL
	return asked
}

// A second BuildKit asks for no layer, as it has them from what the first one exported.
func TestRemoteCaches(t *testing.T) {
	registry, dir := sandbox.Registry(t), t.TempDir()
	image := []client.ExportEntry{{Type: client.ExporterImage, Attrs: map[string]string{"name": registry + "/image", "push": "true"}}}
	for kind, c := range map[string]struct {
		exports    []client.ExportEntry // none while a cache goes to the same registry, which waits for itself then
		to, from   map[string]string
		importKind string
	}{
		"registry": {nil, map[string]string{"ref": registry + "/cache", "mode": "max"}, map[string]string{"ref": registry + "/cache"}, "registry"},
		"local":    {nil, map[string]string{"dest": dir, "mode": "max"}, map[string]string{"src": dir}, "local"},
		"inline":   {image, nil, map[string]string{"ref": registry + "/image"}, "registry"},
	} {
		t.Run(kind, func(t *testing.T) {
			b := serve(t, archives(t)...)
			asked := counted(t, b)
			_, err := solve(t.Context(), connect(t, start(t, Options{Root: t.TempDir()})), client.SolveOpt{
				Exports: c.exports, CacheExports: []client.CacheOptionsEntry{{Type: kind, Attrs: c.to}},
			}, b.frontend)
			require.NoError(t, err)
			require.EqualValues(t, len(b.Layers), asked.Load())
			_, err = solve(t.Context(), connect(t, start(t, Options{Root: t.TempDir()})), client.SolveOpt{
				CacheImports: []client.CacheOptionsEntry{{Type: c.importKind, Attrs: c.from}},
			}, b.frontend)
			require.NoError(t, err)
			require.EqualValues(t, len(b.Layers), asked.Load(), "no more than before")
		})
	}
}

// written are the digests of the image in a layout, and of its first layer.
func written(t testing.TB, dir string) (image, layer digest.Digest) {
	t.Helper()
	var index ocispecs.Index
	read(t, filepath.Join(dir, "index.json"), &index)
	image = index.Manifests[0].Digest
	var manifest ocispecs.Manifest
	read(t, filepath.Join(dir, "blobs/sha256", image.Encoded()), &manifest)
	return image, manifest.Layers[0].Digest
}

func read(t testing.TB, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, into))
}

// Each kind of source gives a file.
func TestSources(t *testing.T) {
	b := serve(t, archive(t))
	registry, dir := sandbox.Registry(t), t.TempDir()
	bk := start(t, Options{Root: t.TempDir()})
	c := connect(t, bk)
	_, err := solve(t.Context(), c, client.SolveOpt{Exports: []client.ExportEntry{
		{Type: client.ExporterImage, Attrs: map[string]string{"name": registry + "/image", "push": "true"}},
		{Type: client.ExporterOCI, Attrs: map[string]string{"tar": "false"}, OutputDir: dir},
	}}, b.frontend)
	require.NoError(t, err)
	store, err := contentlocal.NewStore(dir)
	require.NoError(t, err)
	blob := digest.FromString("a blob")
	require.NoError(t, content.WriteBlob(t.Context(), store, "blob", strings.NewReader("a blob"), ocispecs.Descriptor{Digest: blob, Size: 6}))
	manifest, layer := written(t, dir)
	mount, err := fsutil.NewFS(dir)
	require.NoError(t, err)

	require.NoError(t, bk.Close())
	c = connect(t, start(t, Options{Root: t.TempDir()}))
	opt := client.SolveOpt{OCIStores: map[string]content.Store{"store": store}, LocalMounts: map[string]fsutil.FS{"dir": mount}}
	for name, source := range map[string]struct {
		state llb.State
		file  string
	}{
		"image":        {llb.Image(registry + "/image"), "file"},
		"image blob":   {llb.ImageBlob(registry+"/image@"+layer.String(), llb.Filename("blob")), "blob"},
		"layout":       {llb.OCILayout("store/image@"+manifest.String(), llb.OCIStore("", "store")), "file"},
		"layout blob":  {llb.OCILayoutBlob("store/image@"+blob.String(), llb.ImageBlobOCIStore("", "store"), llb.Filename("blob")), "blob"},
		"http":         {llb.HTTP(b.Server+"/"+b.Layers[0].Encoded(), llb.Filename("file")), "file"},
		"git":          {llb.Git(gitRepository(t), "main"), "7"},
		"local folder": {llb.Local("dir"), "index.json"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := solve(t.Context(), c, opt, func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
				res, err := evaluate(ctx, c, source.state)
				if err != nil {
					return nil, err
				}
				ref, err := res.SingleRef()
				if err != nil {
					return nil, err
				}
				_, err = ref.StatFile(ctx, gateway.StatRequest{Path: source.file})
				return res, err
			})
			require.NoError(t, err)
		})
	}
}

func TestExporters(t *testing.T) {
	b := serve(t, archives(t)...)
	c := connect(t, start(t, Options{Root: t.TempDir()}))
	for _, kind := range []string{client.ExporterOCI, client.ExporterDocker, client.ExporterTar, client.ExporterLocal, client.ExporterImage} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			entry := client.ExportEntry{Type: kind}
			switch kind {
			case client.ExporterLocal:
				entry.OutputDir = dir
			case client.ExporterImage:
				entry.Attrs = map[string]string{"name": sandbox.Registry(t) + "/image", "push": "true"}
			default:
				entry.Output = func(map[string]string) (io.WriteCloser, error) { return os.Create(filepath.Join(dir, "file")) }
			}
			_, err := solve(t.Context(), c, client.SolveOpt{Exports: []client.ExportEntry{entry}}, b.frontend)
			require.NoError(t, err)
			if kind != client.ExporterImage {
				require.FileExists(t, filepath.Join(dir, "file"))
			}
		})
	}
}

// Errors keep their type over the connection.
func TestErrorsKeepTheirType(t *testing.T) {
	b := serve(t, busybox(t))
	b.Run = "/bin/busybox false"
	_, err := solve(t.Context(), connect(t, start(t, Options{Root: t.TempDir()})), client.SolveOpt{}, b.frontend)
	var exit *gatewaypb.ExitError
	require.True(t, errors.As(err, &exit), "%+v", err)
	require.EqualValues(t, 1, exit.ExitCode)
}
