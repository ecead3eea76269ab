package test

import (
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// byImage builds a runtime with the frontend's image, whose steps ask the batch API.
func (h *host) byImage(image, runtime string, more ...string) sandbox.Request {
	return sandbox.Request{Frontend: "gateway.v0", Attrs: h.options(runtime, append([]string{"source", image, "objects", "lfs"}, more...)...)}
}

func TestObjectsComeByTheBatchAPI(t *testing.T) {
	d := sandbox.Start(t, sandbox.WithSnapshotter("overlayfs"))
	h := upstream(t, "nodejs20.x", "python3.12")
	image, _ := frontendImage(t, d)
	for _, layers := range []string{"auto", "chain"} {
		requireEqual(t, d, h.oracle(t, "nodejs20.x", "x86_64"), h.byImage(image, "nodejs20.x", "layers", layers))
	}
	for oid, n := range h.Counts() {
		require.Equal(t, 1, n, oid)
	}
	require.Equal(t, len(h.Counts()), h.Total(sample.Batch), "a batch of one for each object, so that runtimes share it")

	h.Reset()
	want := oneImage(t, d, h.request("nodejs20.x"))
	got := oneImage(t, d, h.byImage(image, "nodejs20.x"))
	require.Equal(t, want.Digest, got.Digest, "where objects come from changes nothing")
}
