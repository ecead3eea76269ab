package lambdarules

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

func TestATreeIsNoCircleAndNoDeeperThanAPath(t *testing.T) {
	up := strings.Repeat("d/", maxPath/4)
	for want, headers := range map[string][]tar.Header{
		"hard link var/task/x: /var/task is a directory": {hardLink("var/task/x", "var/task")},
		"is longer than a path can be": {
			file(up + "x"), link("a", up), file("a/" + up + "x"), link("b", "a/"+up), file("b/x"), file("b/" + up + "x"),
		},
	} {
		f := newFixture()
		f.add(2, headers...)
		_, err := Check(t.Context(), "x", f.image(t), Options{})
		require.ErrorContains(t, err, want)
	}
}

// canceling ends the context when a layer is asked for, which then has no end.
type canceling struct {
	blobs
	layer  digest.Digest
	cancel context.CancelCauseFunc
}

func (c canceling) Fetch(ctx context.Context, desc ocispecs.Descriptor) (io.ReadCloser, error) {
	if desc.Digest != c.layer {
		return c.blobs.Fetch(ctx, desc)
	}
	c.cancel(io.ErrClosedPipe)
	return io.NopCloser(endless{}), nil
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestACheckEndsWithItsContext(t *testing.T) {
	f := newFixture()
	f.saved, f.layerType, f.pack = true, "", plain
	image := f.image(t)
	layer := &image.Saved.Layers[1]
	layer.Size = math.MaxInt64
	ctx, cancel := context.WithCancelCause(t.Context())
	image.Fetcher = canceling{image.Fetcher.(blobs), layer.Digest, cancel}
	_, err := Check(ctx, "x", image, Options{})
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

func TestDigestsOfAManifestCanBePrinted(t *testing.T) {
	b := blobs{}
	m := ocispecs.Manifest{Layers: []ocispecs.Descriptor{{MediaType: "x", Digest: "\x1b]0;x\a"}}}
	report, err := Check(t.Context(), "x", Image{Fetcher: b, Root: b.addJSON(t, ocispecs.MediaTypeImageManifest, m)}, Options{})
	require.NoError(t, err)
	require.Equal(t, []Rule{SingleManifest, Attestations, MediaTypes}, []Rule{report.Rules[0].Rule, report.Rules[1].Rule, report.Rules[2].Rule})
	require.NotContains(t, report.Rules[2].Text, "\x1b")
}

// A file with holes has as many bytes as it says, after another one more than can be counted.
func TestSizesThatCanNotBeCountedAreTooLarge(t *testing.T) {
	f := newFixture()
	f.saved, f.layerType, f.pack = true, "", plain
	image := f.image(t)
	f.content["some"] = "x"
	some := f.tar(t, []tar.Header{file("some")})[:1024] // without its end
	image.Saved.Layers = append(image.Saved.Layers, image.Fetcher.(blobs).add("", append(some, sparse(t, "hole")...)))
	report, err := Check(t.Context(), "x", image, Options{})
	require.NoError(t, err)
	require.Equal(t, []Rule{Size}, report.Failed())
}

// sparse is a file of as many bytes as can be, all of them a hole, in GNU's form.
func sparse(t *testing.T, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Typeflag: tar.TypeReg, Format: tar.FormatGNU}))
	require.NoError(t, w.Close())
	dt := b.Bytes()
	const typeflag, checksum, realSize = 156, 148, 483
	dt[typeflag] = tar.TypeGNUSparse
	copy(dt[realSize:], "\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff")
	copy(dt[checksum:], "        ")
	sum := 0
	for _, c := range dt[:512] {
		sum += int(c)
	}
	copy(dt[checksum:], fmt.Sprintf("%06o\x00 ", sum))
	return dt
}
