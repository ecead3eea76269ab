package test

import (
	"strings"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/compat"
	"lambdabase/test/fstree"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// feature is a row of docs/compatibility.md.
type feature struct {
	name string
	try  func(*testing.T, trial) compat.Verdict // fails the test on what no document says
}

// features are what is tried on each daemon.
var features = []feature{
	{"a base image: the files, config, date and history that the newest BuildKit gives", tryBaseImage},
	{"the same as that daemon's own `docker build` of a checkout", tryOracle},
	{"layers are merged, so that runtimes share them", tryMerge},
	{"both platforms in one build", tryPlatforms},
	{"a warm build fetches no object, and one of a commit asks nobody", tryWarm},
	{"a tag's id is its commit, another id is told", tryIDs},
	{"`# syntax=` of a function, `FROM nodejs20.x`", trySyntax},
	{"`ecr=snapshot`", tryECR},
	{"Dockerfiles: what `docker/dockerfile` of the newest BuildKit gives on that daemon", tryParity},
	{"a lock file is obeyed, and no git server asked", tryLock},
	{"a mirror that anybody may read", tryMirror},
	{"a mirror that asks for credentials", tryPrivateMirror},
	{"a mirror in a folder, `build --addr`", tryLayout},
	{"objects by the batch API, in a step of the frontend's image", tryBatchStep},
	{"objects by the batch API, by `build --addr` alone", tryBatchCommand},
	{"a token for object URLs, `HTTP_AUTH_TOKEN_`", tryToken},
	{"a registry's cache: a fresh daemon fetches and pulls nothing", tryCache},
	{"`exclude`", tryExclude},
	{"an attestation of what an image was made of, and none in files", tryProvenance},
	{"a daemon without xz fails, and says so", tryMissingXZ},
	{"an archive with a directory whose parent has no header", tryImpliedParent},
}

// byImageOf is a request that the frontend's image answers, in place of a function in the test.
func (tr trial) byImageOf(t *testing.T, now *sandbox.Daemon, req sandbox.Request) sandbox.Request {
	t.Helper()
	image, _ := frontendImage(t, now)
	return byOwnImage(req, image)
}

// requireSame compares what two daemons make of a request, as far as the one that is tried can export it.
func (tr trial) requireSame(t *testing.T, now *sandbox.Daemon, wanted sandbox.Request, d *sandbox.Daemon, req sandbox.Request) {
	t.Helper()
	if tr.images {
		requireSameImage(t, oneImage(t, now, wanted), oneImage(t, d, req))
		return
	}
	want, err := now.Tar(t, wanted)
	require.NoError(t, err)
	got, err := d.Tar(t, req)
	require.NoError(t, err)
	require.Empty(t, fstree.Diff(want, got))
}

func tryBaseImage(t *testing.T, tr trial) compat.Verdict {
	now, d := sandbox.Start(t), tr.start(t, needs{})
	h := serveUpstream(t, "nodejs20.x", "go1.x")
	for _, runtime := range []string{"nodejs20.x", "go1.x"} {
		for _, layers := range []string{"auto", "chain"} {
			req := h.request(runtime, "layers", layers)
			tr.requireSame(t, now, req, d, tr.byImageOf(t, now, req))
		}
	}
	if !tr.images {
		return compat.Partly("The files are the same; config and history weren't compared, as it exports no OCI image")
	}
	return compat.Yes()
}

func tryOracle(t *testing.T, tr trial) compat.Verdict {
	d := tr.start(t, needs{})
	h := serveUpstream(t, chained...)
	for _, runtime := range chained {
		oracle := h.oracle(t, runtime, "")
		var want exports
		if tr.images {
			want = exportAll(t, d, oracle)
		}
		for _, layers := range []string{"auto", "chain"} {
			if req := h.request(runtime, "layers", layers); tr.images {
				requireExports(t, want, d, req)
			} else {
				tr.requireSame(t, d, oracle, d, req)
			}
		}
	}
	return compat.Yes()
}

func tryMerge(t *testing.T, tr trial) compat.Verdict {
	d := tr.start(t, needs{})
	h := serveUpstream(t, "nodejs20.x")
	result, err := d.Solve(t.Context(), t, h.request("nodejs20.x"))
	require.NoError(t, err)
	if strings.Contains(result.Progress, "merge 6 layers") {
		require.Empty(t, result.Warnings)
		return compat.Yes()
	}
	require.Empty(t, result.Warnings)
	require.Contains(t, result.Progress, "unpack ")
	_, err = d.Solve(t.Context(), t, h.request("nodejs20.x", "layers", "merge"))
	require.ErrorContains(t, err, "layers=merge needs BuildKit 0.10 or later")
	return compat.No("Layers are unpacked one onto the other, as by `layers=chain`; `layers=merge` is refused. Nothing says so, as warnings take BuildKit 0.10")
}

func tryPlatforms(t *testing.T, tr trial) compat.Verdict {
	now, d := sandbox.Start(t), tr.start(t, needs{})
	h := serveUpstream(t, "nodejs20.x")
	req := h.request("nodejs20.x", "platform", "linux/amd64,linux/arm64")
	if !tr.images {
		tr.requireSame(t, now, req, d, tr.byImageOf(t, now, req))
		return compat.Partly("Both are built, as files (`type=local`, `type=tar`); its image store keeps an image of one platform only")
	}
	want, err := now.OCI(t, req)
	require.NoError(t, err)
	got, err := d.OCI(t, tr.byImageOf(t, now, req))
	require.NoError(t, err)
	require.Len(t, got, 2)
	for i := range want {
		requireSameImage(t, want[i], got[i])
	}
	return compat.Yes()
}

func tryWarm(t *testing.T, tr trial) compat.Verdict {
	now, d := sandbox.Start(t), tr.start(t, needs{})
	h := serveUpstream(t, "nodejs20.x")
	req := tr.byImageOf(t, now, h.request("nodejs20.x"))
	build := func() []githost.Request {
		h.Reset()
		_, err := d.Solve(t.Context(), t, req)
		require.NoError(t, err)
		return h.Requests()
	}
	require.NotEmpty(t, build())
	require.NotEmpty(t, build(), "git is asked for the head")
	require.Zero(t, h.Total(githost.Object)+h.Total(githost.Batch))
	req.Attrs["commit"] = must(h.Commit("nodejs20.x"))
	require.Empty(t, build())
	return compat.Yes()
}

func tryIDs(t *testing.T, tr trial) compat.Verdict {
	d := tr.start(t, needs{})
	if tr.images {
		requireTagIsCommit(t, d)
		requireNoCommit(t, d)
		return compat.Yes()
	}
	h := serve(t, []sample.Branch{newBranch("case", compress(t, packTar(t, file("a", "x"))))})
	req := h.request("case", "commit", h.startTagged(t, "case"), "objects", h.URL+"/objects/{oid}")
	_, err := d.Solve(t.Context(), t, req)
	require.NoError(t, err)
	req.Attrs["commit"] = strings.Repeat("0", 40)
	_, err = d.Solve(t.Context(), t, req)
	require.ErrorContains(t, err, "commit "+strings.Repeat("0", 40)+" of "+h.URL+githost.RepositoryPath)
	return compat.Partly("A tag is built; of an id that is no commit an error gives git's exit status, and git's words are in the progress alone")
}

func tryProvenance(t *testing.T, tr trial) compat.Verdict {
	d := tr.start(t, needs{})
	if !tr.images {
		return compat.No("It makes no attestations")
	}
	requireProvenanceForImages(t, d)
	return compat.Yes()
}

// tryFunction builds a function on a base of that name.
func tryFunction(t *testing.T, tr trial, from string, options ...string) compat.Verdict {
	t.Helper()
	now, d := sandbox.Start(t), tr.start(t, needs{})
	h := serveRunnable(t)
	image, _ := frontendImage(t, now)
	const steps = "COPY app.js ${LAMBDA_TASK_ROOT}/\nRUN --network=none /lambda-entrypoint.sh app.handler > said\nCMD [\"app.handler\"]\n"
	files := map[string]string{"Dockerfile": "# syntax=" + image + "\nFROM " + from + "\n" + steps, "app.js": "x"}
	req := h.functionRequest(t, files, options...)
	req.Func, req.Frontend = nil, "dockerfile.v0"
	tree, err := d.Tar(t, req)
	require.NoError(t, err)
	require.Equal(t, sha256Of("handler app.handler in /var/task\n"), tree["/var/task/said"].SHA256)
	if tr.images {
		want, got := oneImage(t, now, req), oneImage(t, d, req)
		require.Equal(t, configOf(t, want), configOf(t, got))
		require.Equal(t, diffIDs(want)[:3], diffIDs(got)[:3], "those of the base")
	}
	return compat.Yes()
}

func trySyntax(t *testing.T, tr trial) compat.Verdict { return tryFunction(t, tr, "nodejs20.x") }

func tryECR(t *testing.T, tr trial) compat.Verdict {
	return tryFunction(t, tr, "public.ecr.aws/lambda/nodejs:20", "ecr", "snapshot")
}

func tryCache(t *testing.T, tr trial) compat.Verdict {
	first, now := tr.start(t, needs{}), sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	req := tr.byImageOf(t, now, h.request("nodejs20.x"))
	r := newPullLog(t)
	cache := cacheModes(r.host, "")["max"]
	exporting := req
	exporting.CacheExports = cache.to
	if _, err := first.Solve(t.Context(), t, exporting); err != nil {
		require.False(t, tr.images)
		require.ErrorContains(t, err, "cache")
		return compat.No("It exports no cache but inline, by `docker build` alone")
	}
	push(t, first, req, r.host+"/plain")
	h.Reset()
	r.reset()
	req.CacheImports = cache.from
	_, progress := push(t, tr.start(t, needs{}), req, r.host+"/second")
	require.Zero(t, h.Total(githost.Object), progress)
	require.Zero(t, r.layersPulled(t, r.host+"/plain"), progress)
	return compat.Yes()
}

func tryExclude(t *testing.T, tr trial) compat.Verdict {
	d := tr.start(t, needs{})
	h := serveUpstream(t, "nodejs20.x")
	paths := []string{emulator, "/lib64", "/usr/share/doc"}
	excluding := func(layers string) sandbox.Request {
		return h.request("nodejs20.x", "layers", layers, "exclude", strings.Join(paths, ","))
	}
	if _, err := d.Solve(t.Context(), t, excluding("auto")); err != nil {
		require.ErrorContains(t, err, "option exclude needs BuildKit 0.9 or later, or Docker Engine 23")
		return compat.No("It is refused: it takes BuildKit 0.9 or later, or Docker Engine 23")
	}
	oracle := exportAll(t, d, h.oracle(t, "nodejs20.x", "")).without(paths...)
	for _, layers := range []string{"auto", "chain"} {
		image := requireExports(t, oracle, d, excluding(layers))
		requireNowhere(t, image, paths...)
		requireHistory(t, image)
	}
	return compat.Yes()
}
