package test

import (
	"bytes"
	"encoding/json"
	"testing"

	"lambdabase/frontend"
	"lambdabase/internal/sample"
	"lambdabase/internal/sample/faults"
	"lambdabase/test/fstree"
	"lambdabase/test/sandbox"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"
)

// repoServer is a sample repository on an HTTP server, in the place of github.com.
type repoServer struct{ *faults.Host }

// serve makes a repository of the branches and serves it.
func serve(t testing.TB, branches []sample.Branch) *repoServer {
	t.Helper()
	return &repoServer{faults.Serve(t, branches...)}
}

// serveUpstream serves the sample of the real repository, or of some of its branches.
func serveUpstream(t testing.TB, branches ...string) *repoServer {
	t.Helper()
	made, err := sample.Upstream(sample.UpstreamOptions{Scale: 0.001, Branches: branches})
	require.NoError(t, err)
	return serve(t, made)
}

// options are a request for a runtime of the host, or with none for a Dockerfile. Further pairs of name and value are added.
func (h *repoServer) options(runtime string, more ...string) map[string]string {
	repository, objects := h.URLs(h.URL)
	opts := map[string]string{"repository": repository, "objects": objects}
	if runtime != "" {
		opts["runtime"] = runtime
	}
	for i := 0; i < len(more); i += 2 {
		opts[more[i]] = more[i+1]
	}
	return opts
}

// request builds a runtime with our frontend, run inside the test.
func (h *repoServer) request(runtime string, more ...string) sandbox.Request {
	return sandbox.Request{Func: frontend.Frontend{}.Build, Attrs: h.options(runtime, more...)}
}

// oracle builds what docker build makes of a checkout with real tarballs: the recipe in a folder of it.
func (h *repoServer) oracle(t testing.TB, runtime, subdir string, more ...string) sandbox.Request {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, h.Checkout(runtime, dir))
	attrs := map[string]string{"filename": "Dockerfile." + runtime}
	for i := 0; i < len(more); i += 2 {
		attrs[more[i]] = more[i+1]
	}
	context := dir + "/" + subdir
	return sandbox.Request{Frontend: "dockerfile.v0", Attrs: attrs, Dirs: map[string]string{"context": context, "dockerfile": context}}
}

// requireEqual compares two builds in everything: the root filesystem as three exporters tell it, and the image config.
//
// The oracle's image layers leave out a directory that a later tarball gives nothing but another time, so that its image
// has another time there than its own root filesystem. A merged image has each tarball as it is: its directories have
// the times of the oracle's root filesystem. Nothing else differs, and a chained image doesn't differ in this either.
func requireEqual(t testing.TB, d *sandbox.Daemon, want, got sandbox.Request, opts ...fstree.Option) {
	t.Helper()
	requireExports(t, exportAll(t, d, want), d, got, opts...)
}

// exports are what three exporters tell of a build.
type exports struct {
	sandbox.Exports
	excluded []string // paths that are not looked at
}

func exportAll(t testing.TB, d *sandbox.Daemon, req sandbox.Request) exports {
	t.Helper()
	all, err := d.All(t, req)
	require.NoError(t, err)
	return exports{Exports: all}
}

// requireExports is requireEqual for an oracle that has been built, and gives our image.
func requireExports(t testing.TB, want exports, d *sandbox.Daemon, req sandbox.Request, opts ...fstree.Option) sandbox.Image {
	t.Helper()
	got := exportAll(t, d, req)
	require.Empty(t, fstree.Diff(want.Tar, got.Tar, opts...), "root filesystem, as a tar")
	require.Empty(t, fstree.Diff(want.Local, got.Local, opts...), "root filesystem, as files")
	require.Equal(t, configOf(t, want.Image), configOf(t, got.Image))

	wantTree, err := want.Image.Tree()
	require.NoError(t, err)
	wantTree = without(wantTree, want.excluded...)
	gotTree, err := got.Image.Tree()
	require.NoError(t, err)
	if req.Attrs["layers"] != "chain" {
		for path, e := range wantTree {
			if e.Type == fstree.Dir {
				e.Mtime = want.Local[path].Mtime / 1e9 * 1e9
				wantTree[path] = e
			}
		}
	} else {
		opts = append(opts, ignoreParents(want.excluded))
	}
	require.Empty(t, fstree.Diff(wantTree, gotTree, opts...), "image")
	return got.Image
}

// flags are options as a command takes them: each behind the prefix, by the name that spell gives it.
func flags(options map[string]string, prefix string, spell func(string) string) []string {
	var args []string
	for name, value := range options {
		args = append(args, prefix+spell(name)+"="+value)
	}
	return args
}

// plainName and buildArg are the spellings of an option.
func plainName(option string) string { return option }

func buildArg(option string) string {
	for _, o := range frontend.AllOptions() {
		if o.Name == option {
			return o.BuildArg()
		}
	}
	return ""
}

func oneImage(t testing.TB, d *sandbox.Daemon, req sandbox.Request) sandbox.Image {
	t.Helper()
	images, err := d.OCI(t, req)
	require.NoError(t, err)
	require.Len(t, images, 1)
	return images[0]
}

// configOf is an image's config without what is meant to differ: dates, history, and our labels.
func configOf(t testing.TB, image sandbox.Image) map[string]any {
	t.Helper()
	var config map[string]any
	require.NoError(t, json.Unmarshal(image.Config, &config))
	for _, key := range []string{"created", "history", "rootfs"} {
		delete(config, key)
	}
	delete(config["config"].(map[string]any), "Labels")
	return config
}

func imageConfig(t testing.TB, image sandbox.Image) (config ocispecs.Image) {
	t.Helper()
	require.NoError(t, json.Unmarshal(image.Config, &config))
	return config
}

// compress packs a tar with xz.
func compress(t testing.TB, dt []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := xz.NewWriter(&buf)
	require.NoError(t, err)
	_, err = w.Write(dt)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return buf.Bytes()
}
