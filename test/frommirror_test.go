package test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"lambdabase/internal/sample/githost"
	"lambdabase/test/readme"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// mirrored are images that a mirror is asked for: of both platforms, of the old form, and of few layers.
var mirrored = []struct{ runtime, platform string }{
	{"nodejs20.x", "linux/amd64"}, {"nodejs20.x", "linux/arm64"}, {"go1.x", "linux/amd64"}, {"provided.al2023", "linux/arm64"},
}

var mirroredRuntimes = []string{"nodejs20.x", "go1.x", "provided.al2023"}

func TestImagesOfAMirrorAreThoseOfUpstream(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, mirroredRuntimes...)
	m := h.mirror(t, d, mirroredRuntimes...)
	var want []string
	for _, image := range mirrored {
		want = append(want, oneImage(t, d, h.request(image.runtime, "platform", image.platform)).Digest.String())
	}
	h.Close()

	fresh := sandbox.Start(t)
	for i, image := range mirrored {
		req := m.request(image.runtime, "platform", image.platform)
		require.Equal(t, want[i], oneImage(t, fresh, req).Digest.String(), "%v", image)
		requireAskedOnce(t, m.asked())
		req.Attrs["commit"] = must(h.Commit(image.runtime))
		require.Equal(t, want[i], oneImage(t, fresh, req).Digest.String(), "by its commit")
		require.Equal(t, []string{"HEAD /v2/aws/lambda/manifests/" + image.runtime + "-" + must(h.Commit(image.runtime))}, m.asked(),
			"of a daemon that has the objects, a tag is all that a registry is asked for")
	}
}

// requireObjectsAsked checks that the mirror was asked for objects, and for nothing else. Where BuildKit's client hasn't asked a
// repository before, it looks for an image of the object's digest at first (Fetcher of util/resolver/pool.go, v0.33.1).
func (m *mirrorServer) requireObjectsAsked(t *testing.T) {
	t.Helper()
	requests := m.asked()
	require.NotEmpty(t, requests)
	for _, request := range requests {
		_, path, _ := strings.Cut(request, " ")
		require.True(t, m.objects[strings.Replace(path, "/manifests/", "/blobs/", 1)], request)
	}
}

// requireAskedOnce checks that nothing was asked for twice.
func requireAskedOnce(t *testing.T, requests []string) {
	t.Helper()
	require.NotEmpty(t, requests)
	sorted := slices.Sorted(slices.Values(requests))
	require.Len(t, slices.Compact(sorted), len(requests), "%v", requests)
}

func TestFunctionsAreBuiltFromAMirror(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x", "provided.al2023")
	m := h.mirror(t, d, "nodejs20.x", "provided.al2023")
	for name, dockerfile := range map[string]string{
		"one base":  "FROM nodejs20.x\nCOPY Dockerfile ./\n",
		"two bases": "FROM provided.al2023 AS other\nFROM nodejs20.x:" + must(h.Commit("nodejs20.x")) + "\nCOPY --from=other /etc /other\n",
	} {
		files := map[string]string{"Dockerfile": dockerfile}
		want := diffIDs(oneImage(t, d, h.functionRequest(t, files)))
		req := h.functionRequest(t, files)
		req.Attrs = m.options("")
		h.Reset()
		require.Equal(t, want, diffIDs(oneImage(t, d, req)), name)
		require.Empty(t, h.Requests())
		m.asked()
	}
}

func TestALockedBuildTakesObjectsFromAMirrorAndAsksForNothingElse(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	m := h.mirror(t, d, "nodejs20.x")
	want := oneImage(t, d, h.request("nodejs20.x"))
	text := lock(t, d, h.request("nodejs20.x"))
	require.Equal(t, text, lock(t, d, m.request("nodejs20.x")), "a mirror says the same of a commit")
	h.Close()

	fresh := sandbox.Start(t)
	_, err := fresh.Solve(t.Context(), t, withLock(t, h.request("nodejs20.x"), text))
	require.Error(t, err)
	m.asked()
	req := withLock(t, m.request("nodejs20.x"), text)
	require.Equal(t, want.Digest, oneImage(t, fresh, req).Digest)
	m.requireObjectsAsked(t)
	require.Equal(t, want.Digest, oneImage(t, fresh, req).Digest)
	require.Empty(t, m.asked())
}

func TestAnObjectIsUnpackedOnceWhereverItComesFrom(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	m := h.mirror(t, d, "nodejs20.x")
	_, err := d.Solve(t.Context(), t, h.request("nodejs20.x"))
	require.NoError(t, err)
	result, err := d.Solve(t.Context(), t, m.request("nodejs20.x"))
	require.NoError(t, err)
	requireCached(t, result.Progress, "unpack ")
	gets := slices.DeleteFunc(m.asked(), func(request string) bool {
		return !strings.Contains(request, "GET ") || !strings.Contains(request, "/blobs/")
	})
	require.Len(t, gets, 7, "the config, and each object: BuildKit's cache has it by another kind of source")
}

func TestAnObjectIsFetchedOnceFromAnyMirrorAndByTheBatchAPI(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x", "go1.x")
	m := h.mirror(t, d, "nodejs20.x", "go1.x")
	layout := h.mirrorLayout(t, d, "nodejs20.x")
	c := newCLI(t)
	c.mustRun(t, "build", "nodejs20.x", "--addr="+d.Addr, "--repository=oci-layout:"+layout)
	c.mustRun(t, append(buildArgs(h, "go1.x"), "--addr="+d.Addr, "--objects=lfs")...)
	require.NotZero(t, h.Total(githost.Batch))
	m.asked()
	for _, runtime := range []string{"nodejs20.x", "go1.x"} {
		_, err := d.Solve(t.Context(), t, m.request(runtime))
		require.NoError(t, err)
	}
	for _, request := range m.asked() {
		require.False(t, m.objects[strings.TrimPrefix(request, "GET ")], request)
	}
}

// requireCached checks that steps whose names begin so were there, and all of them cached.
func requireCached(t *testing.T, progress, prefix string) {
	t.Helper()
	found := 0
	for line := range strings.Lines(progress) {
		number, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(name, prefix) {
			found++
			require.Contains(t, progress, "\n"+number+" CACHED\n", name)
		}
	}
	require.NotZero(t, found, progress)
}

func TestObjectsOfAMirrorServeAGitRepository(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	m := h.mirror(t, d, "nodejs20.x")
	want := oneImage(t, d, h.request("nodejs20.x"))
	h.Reset()
	fresh := sandbox.Start(t)
	require.Equal(t, want.Digest, oneImage(t, fresh, h.request("nodejs20.x", "objects", m.location())).Digest)
	require.Empty(t, h.Counts(), "no object is asked of the git server")
	m.requireObjectsAsked(t)
}

func TestWhatAMirrorDoesToAnObjectIsTold(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "go1.x")
	m := h.mirror(t, d, "go1.x")
	again := "mirror it again (lambdabase mirror go1.x --commit " + must(h.Commit("go1.x")) + " --to " + m.location() + ")"
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for name, tc := range map[string]struct {
		fault     http.HandlerFunc
		want      string
		again     bool
		explained func(t *testing.T, text string)
	}{
		"gone": {status(404), "5 objects failed: it isn't there any more: " + again, false, func(t *testing.T, text string) { readme.Explains(t, text, "it isn't there any more: mirror it again") }},
		"not let in": {status(401), "5 objects failed: it answers with status 401, unauthorized: docker login " + m.host + " where the build is started", false, func(t *testing.T, text string) {
			readme.Explains(t, text, "answers with status 401, unauthorized: docker login")
		}},
		"forbidden":    {status(403), "5 objects failed: it answers with status 403, forbidden: docker login", false, func(*testing.T, string) {}},
		"server error": {status(503), "5 objects failed: it answers with status 503, server error: try again later", true, func(*testing.T, string) {}},
		"damaged": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, "it is damaged there, as it has sha256:b7d082ee12e91b756ea22e8513b8594eebcf5d39fab813da3cb55794dc888ad7: have its storage mended, or build from a mirror in another registry", false, func(t *testing.T, text string) {
			readme.Explains(t, text, "it is damaged there, as it has ...")
		}},
		"cut": {cutShort, "unexpected EOF", true, func(*testing.T, string) {}},
	} {
		t.Run(name, func(t *testing.T) {
			m.injectObjects(tc.fault)
			defer m.inject(nil)
			m.asked()
			_, err := d.Solve(t.Context(), t, m.request("go1.x"))
			require.ErrorContains(t, err, tc.want)
			tc.explained(t, err.Error())
			require.ErrorContains(t, err, " from "+m.location())
			require.ErrorContains(t, err, "(object sha256:")
			perObject := map[string]int{}
			for _, request := range m.asked() {
				if strings.HasPrefix(request, "HEAD ") && strings.Contains(request, "/blobs/") {
					perObject[request]++
				}
			}
			require.Equal(t, tc.again, slices.Max(slices.Collect(maps.Values(perObject))) > 1)
		})
	}
	m.inject(nil)
	require.Equal(t, oneImage(t, d, h.request("go1.x")).Digest, oneImage(t, d, m.request("go1.x")).Digest, "and once it is over nothing of it is left")
}

// cutShort sends less than it says.
func cutShort(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100000")
	_, _ = w.Write([]byte("abc"))
}

func TestAnObjectOfAMirrorThatFailsForAWhileIsTriedAgain(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "go1.x")
	m := h.mirror(t, d, "go1.x")
	var mu sync.Mutex
	seen := map[string]int{}
	m.inject(func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		seen[r.URL.Path]++
		fails := m.objects[r.URL.Path] && seen[r.URL.Path] <= 2
		if fails {
			w.WriteHeader(503)
		}
		return fails
	})
	require.Equal(t, oneImage(t, d, h.request("go1.x")).Digest, oneImage(t, d, m.request("go1.x")).Digest)
}

func TestWhatAMirrorDoesNotHaveIsTold(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "go1.x", "nodejs20.x")
	m := h.mirror(t, d, "go1.x")
	nowhere := strings.Repeat("0", 40)
	hints := ": lambdabase list --repository " + m.location() + " and the call lambda.runtimes name those that are there, lambdabase mirror "
	for name, tc := range map[string]struct {
		req   sandbox.Request
		fault int
		want  string
	}{
		"a runtime":  {m.request("nodejs20.x"), 0, m.location() + " has no runtime nodejs20.x" + hints + "nodejs20.x --to " + m.location() + " adds it"},
		"a name":     {m.request("nodejs20"), 0, m.location() + " has no runtime nodejs20 (did you mean nodejs20.x"},
		"a commit":   {m.request("go1.x", "commit", nowhere), 0, m.location() + " has no runtime go1.x at commit " + nowhere + hints + "go1.x --commit " + nowhere},
		"a platform": {m.request("go1.x", "platform", "linux/arm64"), 0, "aws/lambda:go1.x has no platform linux/arm64 of runtime go1.x, it has linux/amd64"},
		"a base":     {functionOf(t, h, m, "FROM nodejs20.x\n"), 0, m.location() + " has no runtime nodejs20.x"},
		"access":     {m.request("go1.x"), 401, m.location() + " answers with status 401, unauthorized: docker login " + m.host},
		"health":     {m.request("go1.x"), 503, m.location() + " answers with status 503, server error: try again later"},
		"the API":    {m.request("nodejs20.x", "objects", "lfs"), 0, "objects=lfs is the batch API of a Git repository, and option repository names a mirror"},
	} {
		t.Run(name, func(t *testing.T) {
			m.inject(func(w http.ResponseWriter, _ *http.Request) bool {
				if tc.fault != 0 {
					w.WriteHeader(tc.fault)
				}
				return tc.fault != 0
			})
			result, err := d.Solve(t.Context(), t, tc.req)
			require.Error(t, err)
			require.Contains(t, err.Error()+result.Progress, tc.want)
			if name == "a runtime" {
				readme.Explains(t, err.Error(), "oci://... has no runtime ...")
			}
		})
	}
}

// functionOf is a build of a Dockerfile on bases of a mirror.
func functionOf(t *testing.T, h *repoServer, m *mirrorServer, dockerfile string) sandbox.Request {
	t.Helper()
	req := h.functionRequest(t, map[string]string{"Dockerfile": dockerfile})
	req.Attrs = m.options("")
	return req
}

func TestACheckoutTakesItsObjectsFromAMirror(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	m := h.mirror(t, d, "nodejs20.x")
	want := oneImage(t, d, h.request("nodejs20.x"))
	local := h.checkoutRequest(t, "nodejs20.x", "")
	repository, _ := h.URLs(h.URL)
	byURL := sandbox.Request{Func: local.Func, Attrs: map[string]string{"context": repository + "#nodejs20.x", "filename": "Dockerfile.nodejs20.x"}}
	for name, req := range map[string]sandbox.Request{"a local one": local, "one by URL": byURL} {
		for _, option := range []string{"repository", "objects"} {
			t.Run(name+" by "+option, func(t *testing.T) {
				if name == "a local one" {
					req.Attrs = map[string]string{"filename": "Dockerfile.nodejs20.x"}
				}
				delete(req.Attrs, "repository")
				delete(req.Attrs, "objects")
				req.Attrs[option] = m.location()
				m.asked()
				h.Reset()
				require.Equal(t, diffIDs(want), diffIDs(oneImage(t, sandbox.Start(t), req)))
				m.requireObjectsAsked(t)
				require.Empty(t, h.Counts())
			})
		}
	}
}

func TestObjectsMayComeFromElsewhereThanTheirMirror(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	m := h.mirror(t, d, "nodejs20.x")
	want := oneImage(t, d, h.request("nodejs20.x"))
	for _, objects := range []string{h.URL + "/objects/{oid}", h.URL + "/media/aws/aws-lambda-base-images/{commit}/{path}"} {
		m.asked()
		h.Reset()
		require.Equal(t, want.Digest, oneImage(t, sandbox.Start(t), m.request("nodejs20.x", "objects", objects)).Digest)
		require.Len(t, m.asked(), 3, "the image's tag, manifest and config")
		require.Len(t, h.Counts(), 6)
		require.Zero(t, h.Total(githost.Git))
	}
	c := newCLI(t)
	repository, _ := h.URLs(h.URL)
	c.mustRun(t, "build", "nodejs20.x", "--repository="+m.location(), "--objects=lfs+"+repository+"/info/lfs", "-o", "image.tar")
	requireDigest(t, c.file("image.tar"), want)
}

func TestTheRuntimesOfAMirrorAreListedByItsCatalog(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x", "go1.x")
	m := h.mirror(t, d, "nodejs20.x", "go1.x")
	answer := callSubrequest(t, d, m.request("", "requestid", "frontend.lambda.runtimes"))
	require.Contains(t, answer, must(h.Commit("go1.x")))
	require.Contains(t, answer, `"name": "nodejs20.x"`)
	require.Len(t, m.asked(), 3, "tag, manifest and config")
	empty := &mirrorServer{serveCountedRegistry(t), "none", nil}
	_, err := d.Solve(t.Context(), t, empty.request("", "requestid", "frontend.lambda.runtimes"))
	require.ErrorContains(t, err, empty.location()+" is no mirror, or nothing is in it")
}
