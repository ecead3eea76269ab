package test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lambdabase/frontend"
	"lambdabase/internal/sample"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/fstree"
	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/stretchr/testify/require"
)

// serveRunnable serves the runtimes that a shell runs in.
func serveRunnable(t testing.TB, more ...string) *repoServer {
	t.Helper()
	branches, err := sample.Upstream(sample.UpstreamOptions{Scale: 0.001, Shell: busybox(t), Branches: append(more, "nodejs20.x", "provided.al2023")})
	require.NoError(t, err)
	return serve(t, branches)
}

// busybox is Debian's static one.
func busybox(t testing.TB) string {
	t.Helper()
	shell, err := exec.LookPath("busybox")
	require.NoError(t, err, "busybox-static")
	return shell
}

// functionRequest builds a Dockerfile with our frontend, run inside the test. Further pairs of name and value are options.
func (h *repoServer) functionRequest(t testing.TB, files map[string]string, more ...string) sandbox.Request {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	return sandbox.Request{Func: frontend.Frontend{}.Build, Attrs: h.options("", more...), Dirs: map[string]string{"context": dir, "dockerfile": dir}}
}

func TestEveryNameOfARuntimeIsItsBase(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t, sandbox.WithSnapshotter("overlayfs"))
	h := serveRunnable(t)
	commit, err := h.Commit("nodejs20.x")
	require.NoError(t, err)
	want, err := d.Local(t, h.request("nodejs20.x"))
	require.NoError(t, err)
	arm, err := d.Local(t, h.request("nodejs20.x", "platform", "linux/arm64"))
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		dockerfile string
		options    []string
		want       fstree.Tree
	}{
		"FROM":                    {"FROM nodejs20.x\n", nil, want},
		"full name":               {"FROM docker.io/library/nodejs20.x:latest\n", nil, want},
		"commit":                  {"FROM nodejs20.x:" + commit + "\n", nil, want},
		"ARG":                     {"ARG RUNTIME=nodejs20.x\nFROM ${RUNTIME}\n", nil, want},
		"build argument":          {"ARG RUNTIME\nFROM ${RUNTIME}\n", []string{"build-arg:RUNTIME", "nodejs20.x"}, want},
		"platform":                {"FROM --platform=linux/arm64 nodejs20.x\n", nil, arm},
		"target platform":         {"FROM nodejs20.x\n", []string{"platform", "linux/arm64"}, arm},
		"later stage":             {"FROM scratch AS a\nFROM nodejs20.x\n", nil, want},
		"stage of a stage":        {"FROM nodejs20.x AS a\nFROM a\n", nil, want},
		"COPY --from":             {"FROM scratch\nCOPY --from=nodejs20.x / /\n", nil, nil},
		"RUN --mount=from":        {"FROM provided.al2023\nRUN --mount=from=nodejs20.x,target=/m test -x /m/lambda-entrypoint.sh\n", nil, nil},
		"ecr":                     {"FROM public.ecr.aws/lambda/nodejs:20\n", []string{"ecr", "snapshot"}, want},
		"ecr of one architecture": {"FROM public.ecr.aws/lambda/nodejs:20-arm64\n", []string{"ecr", "snapshot"}, arm},
		"Docker Hub":              {"FROM amazon/aws-lambda-nodejs:20\n", []string{"ecr", "snapshot"}, want},
		"named context of a base": {"FROM mine\n", []string{"context:mine", "docker-image://nodejs20.x"}, want},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := d.Local(t, h.functionRequest(t, map[string]string{"Dockerfile": tc.dockerfile}, tc.options...))
			require.NoError(t, err)
			require.Contains(t, got, "/lambda-entrypoint.sh")
			if tc.want != nil {
				require.Empty(t, fstree.Diff(tc.want, got))
			}
		})
	}
}

func TestWhatIsNotARuntimeIsTheRegistrys(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveRunnable(t)
	for _, ref := range []string{"nodejs20.x:20", "nodejs20", "public.ecr.aws/lambda/nodejs:20", "registry.invalid/nodejs20.x"} {
		_, err := d.Solve(t.Context(), t, h.functionRequest(t, map[string]string{"Dockerfile": "FROM " + ref + "\n"}))
		require.ErrorContains(t, err, "failed to do request", ref)
	}
	require.Empty(t, h.Requests())
	for ref, hint := range map[string]string{"nodejs20": "nodejs20 is no runtime, did you mean nodejs20.x?", "nodejs20.x:ac016a65": "or a full commit of 40 digits"} {
		_, err := d.Solve(t.Context(), t, h.functionRequest(t, map[string]string{"Dockerfile": "FROM " + ref + "\n"}))
		require.ErrorContains(t, err, hint)
	}
	_, err := d.Solve(t.Context(), t, sandbox.Request{Func: frontend.Frontend{}.Build})
	require.ErrorContains(t, err, "name the runtime: --opt runtime=nodejs20.x")
}

func TestAStageOfARuntimesNameKeepsItsSteps(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveRunnable(t)
	tree, err := d.Local(t, h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x AS nodejs20.x\nRUN echo kept > /kept\n"}))
	require.NoError(t, err)
	require.Contains(t, tree, "/kept")
	tree, err = d.Local(t, h.functionRequest(t, map[string]string{"Dockerfile": "FROM scratch AS nodejs20.x\nCOPY Dockerfile /\nFROM nodejs20.x\n"}))
	require.NoError(t, err)
	require.Len(t, tree, 1, "stage names win")
}

func TestAUsersContextWins(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveRunnable(t)
	req := h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x\n"}, "context:nodejs20.x", "local:mine")
	req.Dirs["mine"] = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(req.Dirs["mine"], "own"), nil, 0o644))
	tree, err := d.Local(t, req)
	require.NoError(t, err)
	require.Len(t, tree, 1)
	require.Empty(t, h.Requests())
}

func TestAStageThatIsNotNeededCausesNoRequest(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveRunnable(t)
	_, err := d.Solve(t.Context(), t, h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x AS unused\nRUN x\nFROM scratch\nCOPY Dockerfile /\n"}))
	require.NoError(t, err)
	require.Empty(t, h.Requests())
	_, err = d.Solve(t.Context(), t, h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x\n"}, "requestid", "frontend.lint", "objects", ""))
	require.NoError(t, err, "nor needs to know where it would be")
	require.Zero(t, h.Total(githost.Object), "a check fetches no object")
	require.NotZero(t, h.Total(githost.Git))
}

func TestAFunctionImageIsConfiguredAsItsBase(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveRunnable(t)
	base := imageConfig(t, oneImage(t, d, h.request("nodejs20.x")))
	image := oneImage(t, d, h.functionRequest(t, map[string]string{
		"Dockerfile": "FROM nodejs20.x\nCOPY app.js ${LAMBDA_TASK_ROOT}/\nRUN test $PWD = /var/task && echo $LAMBDA_RUNTIME_DIR > ran\nCMD [\"app.handler\"]\n",
		"app.js":     "exports.handler = 1\n",
	}))
	config := imageConfig(t, image)
	require.Equal(t, base.Config.Env, config.Config.Env)
	require.Equal(t, base.Config.Entrypoint, config.Config.Entrypoint)
	require.Equal(t, base.Config.WorkingDir, config.Config.WorkingDir)
	require.Equal(t, []string{"app.handler"}, config.Config.Cmd)
	require.Equal(t, base.Config.Labels, config.Config.Labels, "the base's labels say what it was built from")
	require.Len(t, config.History, len(base.History)+3)
	require.Equal(t, base.RootFS.DiffIDs, config.RootFS.DiffIDs[:len(base.RootFS.DiffIDs)], "layers of the base are those of the base")
	tree, err := image.Tree()
	require.NoError(t, err)
	require.Contains(t, tree, "/var/task/app.js")
	require.Equal(t, sha256Of("/var/runtime\n"), tree["/var/task/ran"].SHA256)
}

func TestAFunctionImageRuns(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveRunnable(t)
	tree, err := d.Local(t, h.functionRequest(t, map[string]string{
		"Dockerfile": "FROM nodejs20.x AS function\nCOPY --chmod=755 bootstrap ./\nFROM function\nRUN /lambda-entrypoint.sh app.handler > /answer\n",
		"bootstrap":  "#!/bin/sh\necho \"hello from $1\"\n",
	}))
	require.NoError(t, err)
	require.Equal(t, sha256Of("hello from app.handler\n"), tree["/answer"].SHA256)
}

func TestFunctionImagesShareLayersWithOtherWaysIn(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveRunnable(t)
	_, err := d.Solve(t.Context(), t, h.request("nodejs20.x"))
	require.NoError(t, err)
	h.Reset()
	_, err = d.Solve(t.Context(), t, h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x\n"}))
	require.NoError(t, err)
	require.Zero(t, h.Total(githost.Object))

	h.Reset()
	_, err = d.Solve(t.Context(), t, h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x AS a\nFROM nodejs20.x\nCOPY --from=a /etc /etc2\nCOPY --from=nodejs20.x /etc /etc3\n"}, "platform", "linux/amd64,linux/arm64"))
	require.NoError(t, err)
	require.LessOrEqual(t, h.Total(githost.Git), 2, "the commit is resolved once")
}

func TestErrorsOfABasePointAtBothLines(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveRunnable(t)
	_, err := d.Solve(t.Context(), t, h.functionRequest(t, map[string]string{"Dockerfile": "# a comment\nFROM nodejs21.x\n"}))
	require.ErrorContains(t, err, "no runtime nodejs21.x")
	require.ErrorContains(t, err, "did you mean nodejs24.x")
	requireAt(t, err, "Dockerfile", 2)

	_, err = d.Solve(t.Context(), t, h.functionRequest(t, map[string]string{"Dockerfile": "FROM scratch AS x\n\nFROM nodejs20.x\n"}, "objects", h.URL+"/nowhere/{oid}"))
	require.ErrorContains(t, err, "6 objects failed")
	require.ErrorContains(t, err, "status 404")
	requireAt(t, err, "Dockerfile", 3)
	requireAt(t, err, "x86_64/Dockerfile.nodejs20.x", 3)
}

func TestWarningsSaveADay(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveRunnable(t, "nodejs18.x")
	for name, tc := range map[string]struct {
		dockerfile string
		options    []string
		want       string
		line       int32
	}{
		"provenance":          {"FROM nodejs20.x\n", []string{"attest:provenance", "mode=min"}, "Lambda takes no image index, which comes of provenance: for an image to deploy pass --provenance=false", 0},
		"several platforms":   {"FROM nodejs20.x\n", []string{"platform", "linux/amd64,linux/arm64"}, "which comes of several platforms: for an image to deploy pass one --platform", 0},
		"end of support once": {"FROM nodejs18.x\n", []string{"platform", "linux/amd64", "build-arg:X", "1"}, "runtime nodejs18.x is past", 1},
		"end of support":      {"FROM scratch AS a\nFROM nodejs18.x\n", nil, "runtime nodejs18.x is past its end of support (2025-09-01)", 2},
	} {
		t.Run(name, func(t *testing.T) {
			req := h.functionRequest(t, map[string]string{"Dockerfile": tc.dockerfile}, tc.options...)
			req.Func = frontend.Frontend{Today: time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)}.Build
			res, err := d.Solve(t.Context(), t, req)
			require.NoError(t, err)
			require.Len(t, res.Warnings, 1)
			require.Contains(t, string(res.Warnings[0].Short), tc.want)
			if tc.line > 0 {
				require.Equal(t, tc.line, res.Warnings[0].Range[0].Start.Line)
			}
		})
	}
	res, err := d.Solve(t.Context(), t, h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x AS a\nFROM scratch\nCOPY --from=a /etc /etc\n"}, "attest:provenance", "mode=min"))
	require.NoError(t, err)
	require.Empty(t, res.Warnings, "not a function image")
}

func TestAnImageOfAWSThatIsLeftToTheRegistryIsSaid(t *testing.T) {
	t.Parallel()
	registry := sandbox.Registry(t)
	d := sandbox.Start(t, sandbox.WithConfig(fmt.Sprintf("[registry.\"public.ecr.aws\"]\n  mirrors = [%q]\n[registry.%q]\n  http = true\n", registry, registry)))
	h := serveRunnable(t)
	_, err := d.Solve(t.Context(), t, h.request("provided.al2023"), client.ExportEntry{
		Type: client.ExporterImage, Attrs: map[string]string{"name": registry + "/lambda/nodejs:20.2024.10.14", "push": "true"},
	})
	require.NoError(t, err)
	req := h.functionRequest(t, map[string]string{"Dockerfile": "FROM scratch AS a\nFROM public.ecr.aws/lambda/nodejs:20.2024.10.14\n"}, "ecr", "snapshot")
	res, err := d.Solve(t.Context(), t, req)
	require.NoError(t, err)
	require.Len(t, res.Warnings, 1)
	require.Equal(t, "public.ecr.aws/lambda/nodejs:20.2024.10.14 comes from the registry, though ecr=snapshot", string(res.Warnings[0].Short))
	require.EqualValues(t, 2, res.Warnings[0].Range[0].Start.Line)

	delete(req.Attrs, "ecr")
	res, err = d.Solve(t.Context(), t, req)
	require.NoError(t, err)
	require.Empty(t, res.Warnings)
}

func TestEachLayerOfAFunctionHasItsLineOfHistory(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	full := compress(t, packTar(t, dirEntry("opt", 0o755), file("opt/a", "1")))
	for name, tc := range map[string]struct {
		layers [][]byte
		want   []string // layers, "-" before what adds none
	}{
		"working directory is made": {[][]byte{full}, []string{"ADD a.tar.xz", "WORKDIR /var/task", "COPY Dockerfile"}},
		"a tar is empty":            {[][]byte{compress(t, packTar(t, taskDirs...)), compress(t, packTar(t))}, []string{"ADD a.tar.xz", "-ADD b.tar.xz", "COPY Dockerfile"}},
		"both":                      {[][]byte{full, compress(t, packTar(t))}, []string{"ADD a.tar.xz", "-ADD b.tar.xz", "WORKDIR /var/task", "COPY Dockerfile"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := serve(t, []sample.Branch{newBranch("nodejs20.x", tc.layers...)})
			for _, options := range [][]string{nil, {"platform", "linux/amd64,linux/amd64/v2"}} {
				images, err := d.OCI(t, h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nCOPY Dockerfile /a\n"}, options...))
				require.NoError(t, err)
				for _, image := range images {
					config, layers := imageConfig(t, image), 0
					require.Len(t, config.History, len(tc.want))
					for i, want := range tc.want {
						step, empty := strings.CutPrefix(want, "-")
						require.Contains(t, config.History[i].CreatedBy, step)
						require.Equal(t, empty, config.History[i].EmptyLayer, step)
						if !empty {
							layers++
						}
					}
					require.Len(t, image.Layers, layers)
				}
			}
		})
	}
}

func TestAnImportedCacheServesFunctions(t *testing.T) {
	t.Parallel()
	h := serveRunnable(t)
	cache := []client.CacheOptionsEntry{{Type: "registry", Attrs: map[string]string{"ref": sandbox.Registry(t) + "/cache", "mode": "max"}}}
	files := map[string]string{"Dockerfile": "FROM nodejs20.x\nRUN echo x > /x\n"}
	first := h.functionRequest(t, files)
	first.CacheExports = cache
	_, err := sandbox.Start(t).Solve(t.Context(), t, first)
	require.NoError(t, err)
	h.Reset()
	again := h.functionRequest(t, files)
	again.CacheImports = cache
	_, err = sandbox.Start(t).OCI(t, again)
	require.NoError(t, err)
	require.Zero(t, h.Total(githost.Object))
}

func TestAFunctionChainsWhereItsBaseDoesAndSaysSo(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serve(t, []sample.Branch{newBranch("nodejs20.x", compress(t, packTar(t, append(taskDirs, dirEntry("d", 0o700))...)), compress(t, packTar(t, dirEntry("d", 0o755))))})
	res, err := d.Solve(t.Context(), t, h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x\n"}, "platform", "linux/amd64,linux/amd64/v2"))
	require.NoError(t, err)
	var output []string
	for _, w := range res.Warnings {
		output = append(output, string(w.Short))
	}
	require.Len(t, output, 2, "each once, for two platforms")
	require.Contains(t, strings.Join(output, "\n"), "layers of nodejs20.x are unpacked one onto the other: /d: directory")
}

func TestConvertedToLLBTheBaseIsItsGraph(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveRunnable(t)
	req := h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nRUN true\n"}, "requestid", "frontend.convertllb")
	text := callSubrequest(t, d, req)
	require.NotContains(t, text, "docker-image://")
	require.Equal(t, 6, strings.Count(text, `"identifier"`), "the six objects")
	require.Contains(t, text, `"merge": {`)

	for _, dockerfile := range []string{"FROM scratch\n", "FROM scratch\nENV A=1\n", "FROM scratch\nADD https://h.invalid/x /y\n"} {
		req = h.functionRequest(t, map[string]string{"Dockerfile": dockerfile}, "requestid", "frontend.convertllb")
		ours := callSubrequest(t, d, req)
		req.Func = builder.Build
		require.Equal(t, operations(t, callSubrequest(t, d, req)), operations(t, ours), "without a runtime it is BuildKit's own answer")
	}
}

// operations are those of a converted definition; its sources name the session.
func operations(t *testing.T, converted string) map[string]any {
	t.Helper()
	var def struct{ Def, Metadata map[string]any }
	require.NoError(t, json.Unmarshal([]byte(converted), &def))
	return map[string]any{"def": def.Def, "metadata": def.Metadata}
}

// callSubrequest is the JSON that a sub-request is answered with.
func callSubrequest(t *testing.T, d *sandbox.Daemon, req sandbox.Request) (response string) {
	t.Helper()
	build := req.Func
	req.Func = func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		res, err := build(ctx, c)
		if err == nil {
			response = string(res.Metadata["result.json"])
		}
		return res, err
	}
	_, err := d.Solve(t.Context(), t, req)
	require.NoError(t, err)
	require.NotEmpty(t, response)
	return response
}

func TestOptionsOfOursAreNoBuildArguments(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveRunnable(t)
	options := h.options("")
	req := h.functionRequest(t, map[string]string{"Dockerfile": "FROM nodejs20.x\nARG LAMBDABASE_OBJECTS=unset\nRUN test $LAMBDABASE_OBJECTS = unset\n"})
	req.Attrs = map[string]string{}
	for k, v := range options {
		req.Attrs["build-arg:"+buildArg(k)] = v
	}
	_, err := d.Solve(t.Context(), t, req)
	require.NoError(t, err)
	req.Attrs = maps.Clone(options)
	req.Attrs["commit"] = "b8b153b94ac0e09eb5f2ea6d5e5d5c7a9a6d1a31"
	_, err = d.Solve(t.Context(), t, req)
	require.ErrorContains(t, err, "write FROM nodejs20.x:<full commit>")
}
