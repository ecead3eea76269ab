package test

import (
	"regexp"
	"testing"

	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/stretchr/testify/require"
)

// byStep builds a runtime with our frontend, run inside the test, and steps of its image that ask the batch API.
func (h *repoServer) byStep(image, runtime string, more ...string) sandbox.Request {
	return h.request(runtime, append([]string{"source", image, "objects", "lfs"}, more...)...)
}

// byImage has the image be the frontend too, which takes a third of a second more of a processor.
func (h *repoServer) byImage(image, runtime string, more ...string) sandbox.Request {
	return byOwnImage(h.byStep(image, runtime, more...), image)
}

func TestObjectsComeByTheBatchAPI(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t, sandbox.WithSnapshotter("overlayfs"))
	h := serveUpstream(t, "nodejs20.x", "python3.12")
	image, _ := frontendImage(t, d)
	for _, layers := range []string{"auto", "chain"} {
		requireEqual(t, d, h.oracle(t, "nodejs20.x", "x86_64"), h.byImage(image, "nodejs20.x", "layers", layers))
	}
	for oid, n := range h.Counts() {
		require.Equal(t, 1, n, oid)
	}
	require.Equal(t, len(h.Counts()), h.Total(githost.Batch), "a batch of one for each object, so that runtimes share it")

	h.Reset()
	want := oneImage(t, d, h.request("nodejs20.x"))
	got := oneImage(t, d, h.byImage(image, "nodejs20.x"))
	require.Equal(t, want.Digest, got.Digest, "where objects come from changes nothing")
}

func TestAnotherVersionOfTheFrontendFetchesAndUnpacksNothingAgain(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	image, _ := frontendImage(t, d)
	want := oneImage(t, d, h.byImage(image, "nodejs20.x"))

	old, err := crane.Pull(image)
	require.NoError(t, err)
	changed, err := crane.Layer(map[string][]byte{"version": []byte("2")})
	require.NoError(t, err)
	later, err := mutate.AppendLayers(old, changed)
	require.NoError(t, err)
	require.NoError(t, crane.Push(later, image+":later"))

	h.Reset()
	req := h.byImage(image+":later", "nodejs20.x")
	result, err := d.Solve(t.Context(), t, req)
	require.NoError(t, err)
	require.Zero(t, h.Total(githost.Object)+h.Total(githost.Batch))
	require.Contains(t, result.Progress, "found in the cache", "its step is another")
	unpacked := regexp.MustCompile(`(?m)^(#\d+) unpack .*\n(.*)$`).FindAllStringSubmatch(result.Progress, -1)
	require.Len(t, unpacked, 6)
	for _, u := range unpacked {
		require.Equal(t, u[1]+" CACHED", u[2])
	}
	require.Equal(t, want.Digest, oneImage(t, d, req).Digest)
}

func TestAStepThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "provided.al2023")
	image, _ := frontendImage(t, d)
	h.Inject(faults.Target{Kind: githost.Batch}, faults.Message(403, "no such thing"))
	for _, layers := range []string{"auto", "chain"} {
		_, err := d.Solve(t.Context(), t, h.byStep(image, "provided.al2023", "layers", layers))
		require.ErrorContains(t, err, "4 objects failed: forbidden (403 from "+h.URL)
		require.ErrorContains(t, err, "pass a token as the secret GIT_AUTH_TOKEN.127.0.0.1")
	}
}
