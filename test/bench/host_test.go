package bench

import (
	"cmp"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lambdabase/internal/lfs"
	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"

	"github.com/stretchr/testify/require"
)

// host is a sample on a server, and what is in it.
type host struct {
	*sample.Repository
	server    *githost.Server
	near, far string                     // URLs of the server
	trees     map[string]map[string]file // by runtime and path
	heads     map[string]string          // commits, by runtime
	changed   string                     // the commit with another layer
	checkouts string                     // folder with one for each runtime
}

// file is one in git.
type file struct {
	path    string
	pointer *lfs.Pointer // nil: a plain file
}

func serveSample(t *testing.T, repository *sample.Repository, runtimes []string) *host {
	t.Helper()
	h := &host{Repository: repository, server: githost.New(repository), trees: map[string]map[string]file{}, heads: map[string]string{}}
	if runtimes == nil {
		runtimes = branchesOf(t, repository)
	}
	for _, runtime := range runtimes {
		var err error
		h.heads[runtime], err = h.Commit(runtime)
		require.NoError(t, err)
		h.trees[runtime] = h.readTree(t, runtime)
	}
	for link, url := range map[githost.Link]*string{{}: &h.near, farLink: &h.far} {
		server := httptest.NewUnstartedServer(h.server)
		server.Listener = link.Listen(server.Listener)
		server.Start()
		t.Cleanup(server.Close)
		*url = server.URL
	}
	return h
}

func (h *host) readTree(t *testing.T, runtime string) map[string]file {
	t.Helper()
	dir, tree := t.TempDir(), map[string]file{}
	require.NoError(t, h.CheckoutPointers(runtime, dir))
	require.NoError(t, filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		f := file{path: strings.TrimPrefix(name, dir+"/")}
		if pointer, err := lfs.ParsePointer(text); err == nil {
			f.pointer = &pointer
		}
		tree[f.path] = f
		return err
	}))
	return tree
}

// prepareCheckouts makes the folders that docker build has as contexts, and the commit with another layer.
func (h *host) prepareCheckouts(t *testing.T) {
	t.Helper()
	h.checkouts = t.TempDir()
	for runtime := range h.trees {
		require.NoError(t, h.Checkout(runtime, h.checkout(runtime, false)))
	}
	h.changed = h.change(t)
}

func (h *host) checkout(runtime string, changed bool) string {
	if changed {
		runtime += "-changed"
	}
	return filepath.Join(h.checkouts, runtime)
}

// commit is the one that is to be given; empty: none.
func (h *host) commit(runtime string, r request) string {
	switch {
	case r.changed:
		return h.changed
	case r.pinned:
		return h.heads[runtime]
	}
	return ""
}

// layers are those of an architecture, the largest first.
func (h *host) layers(runtime, arch string) (layers []file) {
	for path, f := range h.trees[runtime] {
		if f.pointer != nil && strings.HasPrefix(path, arch+"/") {
			layers = append(layers, f)
		}
	}
	slices.SortFunc(layers, func(a, b file) int {
		return cmp.Or(cmp.Compare(b.pointer.Size, a.pointer.Size), cmp.Compare(a.path, b.path))
	})
	return layers
}

// objects are those that the images consist of, each once: sizes by oid.
func (h *host) objects(r request) map[string]int64 {
	objects := map[string]int64{}
	for runtime, platforms := range h.images(r) {
		for _, platform := range platforms {
			for _, l := range h.layers(runtime, archs[platform]) {
				objects[l.pointer.OID] = l.pointer.Size
			}
		}
	}
	return objects
}

// archs are the folders of platforms.
var archs = map[string]string{"linux/amd64": "x86_64", "linux/arm64": "arm64"}

// images are the platforms of runtimes: those that are asked for and that there are.
func (h *host) images(r request) map[string][]string {
	images := map[string][]string{}
	for runtime := range h.trees {
		if r.runtimes != nil && !slices.Contains(r.runtimes, runtime) {
			continue
		}
		for _, platform := range strings.Split(r.platform(), ",") {
			if len(h.layers(runtime, archs[platform])) > 0 {
				images[runtime] = append(images[runtime], platform)
			}
		}
	}
	return images
}

func (h *host) distinct(r request) (bytes int64) {
	for _, size := range h.objects(r) {
		bytes += size
	}
	return bytes
}
