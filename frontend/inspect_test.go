package frontend

import (
	"context"
	"errors"
	"os"
	"testing"

	"lambdabase/internal/rootfs"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/stretchr/testify/require"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// newInspectStub has two layers that have things in common.
func newInspectStub() *stub {
	s := newStub(nil)
	s.layers[stubOID("a")] = stubRef{
		"etc": stubDir, "etc/os-release": {data: "PRETTY_NAME=\"Old 1\"\n"}, "etc/a": {data: "12345"},
		"var": stubDir, "var/lib": stubDir, "var/lib/gone": {}, "lib": {mode: os.ModeSymlink | 0o777},
	}
	s.layers[stubOID("b")] = stubRef{"etc": stubDir, "etc/os-release": {data: "NAME=x\nPRETTY_NAME=New 2\n"}, "var": stubDir, "var/lib": {data: "file"}}
	return s
}

func ignored(context.Context, *UnpackedImage) (*gateway.Result, error) {
	return gateway.NewResult(), nil
}

func TestAnImageIsInspectedLayerByLayer(t *testing.T) {
	s := newInspectStub()
	_, err := quick.Inspect(func(ctx context.Context, image *UnpackedImage) (*gateway.Result, error) {
		require.Equal(t, "nodejs20.x", image.Plan.Runtime)
		require.Equal(t, stubCommit, image.Plan.Commit)
		require.Equal(t, "amd64", image.Plan.Platform.Architecture)
		require.Len(t, image.Layers, 2)
		files := map[string]*fstypes.Stat{}
		require.NoError(t, rootfs.Walk(ctx, image.Layers[0], func(name string, st *fstypes.Stat) { files[name] = st }))
		require.Len(t, files, 7)
		require.EqualValues(t, 5, files["/etc/a"].Size)
		require.Contains(t, files, "/var/lib/gone")
		text, err := image.Layers[1].ReadFile(ctx, gateway.ReadRequest{Filename: "/var/lib"})
		require.NoError(t, err)
		require.Equal(t, "file", string(text))
		return gateway.NewResult(), nil
	})(context.Background(), s)
	require.NoError(t, err)
	require.Zero(t, count(s.solved, "merge"), "layers alone")
}

func TestWhatIsNotFoundInAnImageIsSaid(t *testing.T) {
	_, err := quick.Inspect(func(context.Context, *UnpackedImage) (*gateway.Result, error) { return nil, errors.New("no /none") })(context.Background(), newInspectStub())
	require.EqualError(t, err, "no /none")
}

func TestWhatCannotBeInspectedIsSaid(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*stub)
		want   string
	}{
		"platforms": {func(s *stub) { s.opts["platform"] = "linux/amd64,linux/arm64" }, "one platform is inspected at a time, not 2"},
		"platform":  {func(s *stub) { s.opts["platform"] = "linux/s390x" }, "it has linux/amd64, linux/arm64"},
		"object":    {func(s *stub) { s.fails = map[string]string{stubOID("b"): "digest mismatch"} }, "fetch x86_64/b.tar.xz (object sha256:bbbb"},
		"pointer": {func(s *stub) {
			s.layers[stubOID("b")] = stubRef{stubOID("b"): {data: "version https://git-lfs.github.com/spec/v1\n"}}
		}, "was not unpacked"},
	} {
		s := newInspectStub()
		tc.change(s)
		_, err := quick.Inspect(ignored)(context.Background(), s)
		require.ErrorContains(t, err, tc.want, name)
	}
}
