package contentstore

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

func TestBlobsOfALayoutAreReadAndNothingElse(t *testing.T) {
	dir, text := t.TempDir(), []byte("one")
	blob := digest.FromBytes(text)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "blobs", "sha256", blob.Encoded()), text, 0o444))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "index.json"), []byte("{}"), 0o444))
	s := NewLayout(dir)

	info, err := s.Info(t.Context(), blob)
	require.NoError(t, err)
	require.EqualValues(t, 3, info.Size)
	r, err := s.ReaderAt(t.Context(), ocispecs.Descriptor{Digest: blob})
	require.NoError(t, err)
	dt, err := io.ReadAll(content.NewReader(r))
	require.NoError(t, err)
	require.Equal(t, text, dt)
	require.NoError(t, r.Close())

	for _, other := range []digest.Digest{digest.FromString("two"), "sha256:../../index.json", "x"} {
		_, err = s.Info(t.Context(), other)
		require.Error(t, err)
		_, err = s.ReaderAt(t.Context(), ocispecs.Descriptor{Digest: other})
		require.Error(t, err)
	}
	_, err = s.Info(t.Context(), digest.FromString("two"))
	require.True(t, errdefs.IsNotFound(err))
	_, err = s.Writer(t.Context())
	require.ErrorContains(t, err, "read only")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "and nothing is written there")
}
