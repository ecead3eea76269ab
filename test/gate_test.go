package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"
)

// pullLog is a registry in memory, with a log of the blobs that were fetched.
type pullLog struct {
	host   string
	mu     sync.Mutex
	pulled map[string]int // by digest
}

func newPullLog(t *testing.T) *pullLog {
	t.Helper()
	l := &pullLog{pulled: map[string]int{}}
	handler := sandbox.NewRegistry()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, digest, ok := strings.Cut(r.URL.Path, "/blobs/sha256:"); ok && r.Method == http.MethodGet {
			l.mu.Lock()
			l.pulled["sha256:"+digest]++
			l.mu.Unlock()
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	l.host = strings.TrimPrefix(server.URL, "http://")
	return l
}

func (l *pullLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pulled = map[string]int{}
}

// layersPulled counts the layers of an image that were fetched.
func (l *pullLog) layersPulled(t *testing.T, image string) (n int) {
	t.Helper()
	dt, err := crane.Manifest(image)
	require.NoError(t, err)
	var manifest struct{ Layers []struct{ Digest string } }
	require.NoError(t, json.Unmarshal(dt, &manifest))
	require.NotEmpty(t, manifest.Layers)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, layer := range manifest.Layers {
		n += l.pulled[layer.Digest]
	}
	return n
}

// push builds, and pushes the image; it returns the digest, and what was shown.
func push(t *testing.T, d *sandbox.Daemon, req sandbox.Request, name string) (digest, progress string) {
	t.Helper()
	res, err := d.Solve(t.Context(), t, req, client.ExportEntry{Type: client.ExporterImage, Attrs: map[string]string{"name": name, "push": "true"}})
	require.NoError(t, err)
	return res.Response["containerimage.digest"], res.Progress
}

// byOwnImage has a request be answered by the frontend's image.
func byOwnImage(req sandbox.Request, image string) sandbox.Request {
	req.Func, req.Frontend, req.Attrs = nil, "gateway.v0", maps.Clone(req.Attrs)
	req.Attrs["source"] = image
	return req
}

var (
	vertexRE     = regexp.MustCompile(`(?m)^#(\d+) (\S.*)$`)
	extractingRE = regexp.MustCompile(`(?m)^#(\d+) extracting `)
)

// extracted names the vertices that unpacked layers.
func extracted(progress string) (names []string) {
	first := map[string]string{}
	for _, m := range vertexRE.FindAllStringSubmatch(progress, -1) {
		if first[m[1]] == "" {
			first[m[1]] = m[2]
		}
	}
	for _, m := range extractingRE.FindAllStringSubmatch(progress, -1) {
		names = append(names, first[m[1]])
	}
	return names
}

// cacheModes are ways of keeping a cache in a registry: where it goes, and where it comes from.
func cacheModes(host, image string) map[string]struct{ to, from []client.CacheOptionsEntry } {
	type mode = struct{ to, from []client.CacheOptionsEntry }
	entry := func(attrs ...string) (e client.CacheOptionsEntry) {
		e.Type, e.Attrs = "registry", map[string]string{"ref": attrs[0]}
		if len(attrs) > 1 {
			e.Attrs["mode"] = attrs[1]
		}
		return e
	}
	list := func(e client.CacheOptionsEntry) []client.CacheOptionsEntry { return []client.CacheOptionsEntry{e} }
	return map[string]mode{
		"max":    {list(entry(host+"/max", "max")), list(entry(host + "/max"))},
		"min":    {list(entry(host + "/min")), list(entry(host + "/min"))},
		"inline": {list(client.CacheOptionsEntry{Type: "inline"}), list(entry(image))},
	}
}

// exportCaches builds for a cache of each mode, and pushes the image that has an inline one.
func exportCaches(t *testing.T, d *sandbox.Daemon, req sandbox.Request, host string) {
	t.Helper()
	modes := cacheModes(host, "")
	for _, mode := range []string{"max", "min"} {
		req.CacheExports = modes[mode].to
		_, err := d.Solve(t.Context(), t, req)
		require.NoError(t, err)
	}
	req.CacheExports = modes["inline"].to
	push(t, d, req, host+"/first")
}

func TestAFreshDaemonWithAnImportedCachePullsNoLayer(t *testing.T) {
	t.Parallel()
	builder := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	frontend, _ := frontendImage(t, builder)
	function := h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nCOPY Dockerfile ./\nCMD [\"app.handler\"]\n"})
	for what, plain := range map[string]sandbox.Request{"base": h.request("nodejs20.x"), "function": function} {
		r := newPullLog(t)
		first := sandbox.Start(t)
		if what == "function" { // also the first one imports, as CI does
			req := byOwnImage(plain, frontend)
			req.CacheImports = cacheModes(r.host, "")["max"].from
			push(t, first, req, r.host+"/first")
		}
		exportCaches(t, first, byOwnImage(plain, frontend), r.host)
		last := plain // without a step, and without a cache in it
		if what == "function" {
			last = byOwnImage(plain, frontend) // what stands on a base has the time of its own build
		}
		want, _ := push(t, first, last, r.host+"/plain")
		for mode, cache := range cacheModes(r.host, r.host+"/first") {
			t.Run(what+" "+mode, func(t *testing.T) {
				h.Reset()
				r.reset()
				d := sandbox.Start(t)
				req := byOwnImage(plain, frontend)
				req.CacheImports = cache.from
				got, progress := push(t, d, req, r.host+"/second")
				require.Equal(t, want, got)
				require.Zero(t, h.Total(githost.Object), "objects")
				require.Zero(t, r.layersPulled(t, r.host+"/plain"), "layers\n%s", progress)
				for _, vertex := range extracted(progress) {
					require.Contains(t, vertex, "lambda-frontend", progress)
				}
				require.Regexp(t, `(?m)^(#\d+) check 6 layers\n(#\d+) CACHED`, progress)
				d.Prune(t)
			})
		}
	}
}

// BuildKit knows a step's first inputs long before its last ones where they are many, and would pull what it knows; with few
// inputs that is rare.
func TestManyLayersOfAnImportedCacheStayThere(t *testing.T) {
	t.Parallel()
	builder := sandbox.Start(t)
	frontend, _ := frontendImage(t, builder)
	packed := [][]byte{compress(t, packTar(t, taskDirs...))}
	for i := range 24 {
		packed = append(packed, compress(t, packTar(t, file(fmt.Sprint(i), "1"))))
	}
	h := serve(t, []sample.Branch{newBranch("case", packed...)})
	r := newPullLog(t)
	cache := cacheModes(r.host, "")["max"]
	req := byOwnImage(h.request("case"), frontend)
	req.CacheExports = cache.to
	want, _ := push(t, builder, req, r.host+"/first")

	h.Reset()
	r.reset()
	req.CacheExports, req.CacheImports = nil, cache.from
	fresh := sandbox.Start(t)
	got, progress := push(t, fresh, req, r.host+"/second")
	require.Equal(t, want, got)
	require.Zero(t, h.Total(githost.Object))
	require.Zero(t, r.layersPulled(t, r.host+"/first"), progress)
	require.Empty(t, fresh.Leaked(t))
}
