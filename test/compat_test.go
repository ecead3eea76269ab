package test

import (
	"context"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"lambdabase/frontend"
	"lambdabase/internal/sample"
	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/fstree"
	"lambdabase/test/readme"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	"github.com/stretchr/testify/require"
)

// oldDaemons are the versions of BuildKit in bin/buildkitd-<version>, brought by make test-oldest and make test-full.
const oldDaemons = "LAMBDABASE_BUILDKITS"

// onOldDaemons runs a test for each of them, with a daemon of that version.
func onOldDaemons(t *testing.T, test func(t *testing.T, start func(...sandbox.Option) *sandbox.Daemon)) {
	versions := strings.Fields(os.Getenv(oldDaemons))
	if len(versions) == 0 {
		t.Skipf("no versions in %s: make test-oldest builds one", oldDaemons)
	}
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			binary := sandbox.WithBinary(sandbox.Tool(t, "buildkitd-"+version))
			test(t, func(opts ...sandbox.Option) *sandbox.Daemon { return sandbox.Start(t, append(opts, binary)...) })
		})
	}
}

func TestOlderDaemonsGiveTheSameLayers(t *testing.T) {
	onOldDaemons(t, func(t *testing.T, start func(...sandbox.Option) *sandbox.Daemon) {
		now, d := sandbox.Start(t), start()
		h := serveUpstream(t, "nodejs20.x", "go1.x")
		frontend, _ := frontendImage(t, now)
		for _, runtime := range []string{"nodejs20.x", "go1.x"} {
			for _, layers := range []string{"auto", "chain"} {
				req := h.request(runtime, "layers", layers, "source", frontend)
				want := oneImage(t, now, req)
				req.Func, req.Frontend = nil, "gateway.v0"
				requireSameImage(t, want, oneImage(t, d, req))
			}
		}
	})
}

func TestOlderDaemonsTakeObjectsByTheBatchAPIAndSayWhatFails(t *testing.T) {
	onOldDaemons(t, func(t *testing.T, start func(...sandbox.Option) *sandbox.Daemon) {
		now, d := sandbox.Start(t), start()
		h := serveUpstream(t, "nodejs20.x", "go1.x")
		frontend, _ := frontendImage(t, now)
		req := h.byImage(frontend, "go1.x")
		want := oneImage(t, now, req)
		h.Reset()
		requireSameImage(t, want, oneImage(t, d, req))
		require.NotZero(t, h.Total(githost.Batch))
		h.Inject(faults.Target{Kind: githost.Batch}, faults.Message(404, "not here"))
		_, err := d.Solve(t.Context(), t, h.byImage(frontend, "nodejs20.x"))
		require.ErrorContains(t, err, "5 objects failed: not found, or private (404", "one it has from the other runtime")
		h.ClearFaults()
		_, err = d.Solve(t.Context(), t, sandbox.Request{Frontend: "gateway.v0", Attrs: h.options("nodejs21.x", "source", frontend)})
		require.ErrorContains(t, err, "did you mean nodejs24.x")
		_, err = d.Solve(t.Context(), t, sandbox.Request{Frontend: "gateway.v0", Attrs: h.options("go1.x", "source", frontend, "objects", h.URL+"/nowhere/{oid}", "no-cache", "")})
		require.ErrorContains(t, err, "5 objects failed")
	})
}

func TestOlderDaemonsGiveWhatTheirOwnDockerfileBuildGives(t *testing.T) {
	onOldDaemons(t, func(t *testing.T, start func(...sandbox.Option) *sandbox.Daemon) {
		d := start(sandbox.WithSnapshotter("overlayfs"))
		h := serveUpstream(t, chained...)
		for _, runtime := range chained {
			oracle := h.oracle(t, runtime, "")
			requireEqual(t, d, oracle, h.request(runtime))
			requireEqual(t, d, oracle, h.request(runtime, "layers", "chain"))
		}
	})
}

func TestOlderDaemonsTellWhatAnIDNames(t *testing.T) {
	onOldDaemons(t, func(t *testing.T, start func(...sandbox.Option) *sandbox.Daemon) {
		d := start()
		requireTagIsCommit(t, d)
		requireNoCommit(t, d)
	})
}

func TestOlderDaemonsBuildFunctions(t *testing.T) {
	onOldDaemons(t, func(t *testing.T, start func(...sandbox.Option) *sandbox.Daemon) {
		now, d := sandbox.Start(t), start()
		h := serveRunnable(t)
		frontend, _ := frontendImage(t, now)
		const steps = "COPY app.js ${LAMBDA_TASK_ROOT}/\nRUN /lambda-entrypoint.sh app.handler > said\nCMD [\"app.handler\"]\n"
		for from, options := range map[string][]string{"nodejs20.x": nil, "public.ecr.aws/lambda/nodejs:20": {"ecr", "snapshot"}} {
			files := map[string]string{"Dockerfile": "# syntax=" + frontend + "\nFROM " + from + "\n" + steps, "app.js": "x"}
			req := h.functionRequest(t, files, options...)
			want := oneImage(t, now, req)
			h.Reset()
			req.Func, req.Frontend = nil, "dockerfile.v0"
			got := oneImage(t, d, req)
			require.Equal(t, configOf(t, want), configOf(t, got))
			tree, err := got.Tree()
			require.NoError(t, err)
			require.Equal(t, sha256Of("handler app.handler in /var/task\n"), tree["/var/task/said"].SHA256)
			require.Equal(t, diffIDs(want)[:3], diffIDs(got)[:3], "those of the base")
		}
	})
}

func TestOlderDaemonsWithoutXZSaySo(t *testing.T) {
	onOldDaemons(t, func(t *testing.T, start func(...sandbox.Option) *sandbox.Daemon) {
		h := serveUpstream(t, "go1.x")
		d := start(sandbox.WithPath(sandbox.PathOf(t, "git", "sed", "uname", "basename", "sh")))
		for _, layers := range []string{"auto", "chain"} {
			_, err := d.Solve(t.Context(), t, h.request("go1.x", "layers", layers))
			require.ErrorContains(t, err, "xz fails where buildkitd runs, or is missing", "it copies the archive and says nothing")
		}
	})
}

// requireSameImage compares what two daemons made.
func requireSameImage(t *testing.T, want, got sandbox.Image) {
	t.Helper()
	require.Equal(t, diffIDs(want), diffIDs(got))
	require.Equal(t, configOf(t, want), configOf(t, got))
	require.Equal(t, imageConfig(t, want).Created, imageConfig(t, got).Created)
	require.Equal(t, imageConfig(t, want).History, imageConfig(t, got).History)
	wantTree, err := want.Tree()
	require.NoError(t, err)
	gotTree, err := got.Tree()
	require.NoError(t, err)
	require.Empty(t, fstree.Diff(wantTree, gotTree))
}

func diffIDs(image sandbox.Image) (ids []string) {
	for _, l := range image.Layers {
		ids = append(ids, l.DiffID.String())
	}
	return ids
}

// oldClient is a daemon as one before v0.10 is: it merges nothing, and tells no git metadata.
type oldClient struct{ gateway.Client }

func (o oldClient) BuildOpts() gateway.BuildOpts {
	opts := o.Client.BuildOpts()
	caps := slices.DeleteFunc(pb.Caps.All(), func(c *apicaps.PBCap) bool { return c.ID == string(pb.CapMergeOp) })
	opts.LLBCaps = pb.Caps.CapSet(caps)
	return opts
}

func (o oldClient) ResolveSourceMetadata(_ context.Context, op *pb.SourceOp, _ sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	return &sourceresolver.MetaResponse{Op: op}, nil
}

func TestWithoutNewCapabilitiesTheImageIsTheSame(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	build := func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		return frontend.Frontend{}.Build(ctx, oldClient{c})
	}
	for range 2 {
		req := h.request("nodejs20.x")
		want, err := d.Local(t, h.request("nodejs20.x", "layers", "chain"))
		require.NoError(t, err)
		req.Func = build
		got, err := d.Local(t, req)
		require.NoError(t, err)
		require.Equal(t, want, got)
		commit, err := h.Commit("nodejs20.x")
		require.NoError(t, err)
		require.Equal(t, commit, imageConfig(t, oneImage(t, d, req)).Config.Labels["lambdabase.commit"])

		later, err := sample.Upstream(sample.UpstreamOptions{Branches: []string{"nodejs20.x"}, Release: 1})
		require.NoError(t, err)
		_, err = h.Push(later[0]) // the second time it is the replaced branch
		require.NoError(t, err)
	}
}

func TestOlderDaemonsBuildFromAMirrorThatAnybodyMayRead(t *testing.T) {
	onOldDaemons(t, func(t *testing.T, start func(...sandbox.Option) *sandbox.Daemon) {
		now, d := sandbox.Start(t), start()
		h := serveUpstream(t, "nodejs20.x", "go1.x")
		m := h.mirror(t, now, "nodejs20.x", "go1.x")
		frontend, _ := frontendImage(t, now)
		want := oneImage(t, now, h.request("nodejs20.x"))
		locked := lock(t, now, h.request("nodejs20.x"))
		h.Close()
		req := sandbox.Request{Frontend: "gateway.v0", Attrs: m.options("nodejs20.x", "source", frontend)}
		requireSameImage(t, want, oneImage(t, d, req))
		m.asked()
		requireSameImage(t, want, oneImage(t, d, withLock(t, req, locked)))
		require.Empty(t, m.asked(), "of a lock file, with a warm cache")
		_, err := d.Solve(t.Context(), t, sandbox.Request{Frontend: "gateway.v0", Attrs: m.options("java21", "source", frontend)})
		require.ErrorContains(t, err, m.location()+" has no runtime java21: ")

		m.injectObjects(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
		_, err = d.Solve(t.Context(), t, sandbox.Request{Frontend: "gateway.v0", Attrs: m.options("go1.x", "source", frontend)})
		readme.Explains(t, err.Error(), "before BuildKit 0.28 reads objects of a registry only where that lets anybody read")
		m.injectObjects(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
		_, err = d.Solve(t.Context(), t, sandbox.Request{Frontend: "gateway.v0", Attrs: m.options("go1.x", "source", frontend, "no-cache", "")})
		require.ErrorContains(t, err, "5 objects failed: it answers with status 404, it isn't there any more: mirror it again (lambdabase mirror go1.x")

		layout := h.mirrorLayout(t, now)
		require.Contains(t, newCLI(t).mustFail(t, 1, "build", "go1.x", "--addr="+d.Addr, "--repository=oci-layout:"+layout), "needs BuildKit 0.28 or later")
	})
}
