package frontend

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"
)

func TestWhatBuildKitCopiedIsNamed(t *testing.T) {
	empty, full := archive(t, nil), archive(t, []byte("x"))
	noise := make([]byte, 1<<20)
	rng := rand.NewChaCha8([32]byte{})
	rng.Read(noise)
	for name, tc := range map[string]struct {
		dt    []byte
		want  string
		empty bool
	}{
		"a pointer":                {dt: []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"), want: "Git LFS pointer itself"},
		"a tar in xz":              {dt: pack(t, full, xzWriter), want: "xz fails where buildkitd runs, or is missing"},
		"a large tar in xz":        {dt: pack(t, archive(t, noise), xzWriter), want: "xz fails where buildkitd runs, or is missing"},
		"an empty tar in xz":       {dt: pack(t, empty, xzWriter), empty: true},
		"an empty tar in gzip":     {dt: pack(t, empty, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }), empty: true},
		"an empty tar in zstd":     {dt: pack(t, empty, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }), empty: true},
		"an empty tar":             {dt: empty, empty: true},
		"nothing in xz":            {dt: pack(t, nil, xzWriter), want: "there is no tar in it"},
		"less than a block in xz":  {dt: pack(t, make([]byte, 100), xzWriter), want: "there is no tar in it (first block"},
		"a window of 4 GiB":        {dt: hugeWindow(pack(t, full, xzWriter)), want: "xz fails where buildkitd runs, or is missing"},
		"something else in xz":     {dt: pack(t, []byte("hello, this is not a tar"), xzWriter), want: "packed with xz, but there is no tar in it"},
		"a damaged stream header":  {dt: flip(pack(t, full, xzWriter), 9), want: "packed with xz, but there is no tar in it (damaged header)"},
		"a damaged block header":   {dt: flip(pack(t, full, xzWriter), 18), want: "packed with xz, but there is no tar in it (damaged header)"},
		"damaged xz":               {dt: []byte("\xfd7zXZ\x00damaged and more of it"), want: "packed with xz, but there is no tar in it"},
		"lzma":                     {dt: []byte("\x5d\x00\x00\x80\x00"), want: "packed with lzma, which BuildKit doesn't unpack"},
		"lz4":                      {dt: []byte("\x04\x22\x4d\x18xxx"), want: "packed with lz4"},
		"zip":                      {dt: []byte("PK\x03\x04xxx"), want: "packed with zip"},
		"an error page":            {dt: []byte("<!DOCTYPE html><html>quota"), want: "it begins with \"<!DOCTYPE html>"},
		"nothing":                  {dt: nil, want: "it is no archive"},
		"zeros shorter than a tar": {dt: make([]byte, 100), want: "it is no archive"},
	} {
		t.Run(name, func(t *testing.T) {
			reason, empty := diagnoseArchive(tc.dt[:min(len(tc.dt), sniffLen)])
			require.Equal(t, tc.empty, empty, reason)
			if !tc.empty {
				require.ErrorContains(t, reason, tc.want)
			}
		})
	}
}

func FuzzWhyCopied(f *testing.F) {
	f.Add([]byte("\xfd7zXZ\x00"))
	f.Add(make([]byte, 1024))
	f.Fuzz(func(t *testing.T, dt []byte) {
		reason, empty := diagnoseArchive(dt)
		require.Equal(t, empty, reason == nil, "what isn't empty has a reason")
		if empty && !bytes.HasPrefix(dt, []byte("BZh")) {
			require.GreaterOrEqual(t, len(dt), 16, "an empty tar has a header of its packing, and a block")
		}
	})
}

// archive is a tar of one file with the content, or of none.
func archive(t *testing.T, content []byte) []byte {
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	if content != nil {
		require.NoError(t, tw.WriteHeader(&tar.Header{Name: "f", Mode: 0o644, Size: int64(len(content))}))
		_, err := tw.Write(content)
		require.NoError(t, err)
	}
	require.NoError(t, tw.Close())
	return buf.Bytes()
}

// flip changes a byte.
func flip(dt []byte, at int) []byte {
	dt[at] ^= 0x40
	return dt
}

// hugeWindow makes an xz stream ask for the largest dictionary that its format knows, 4 GiB.
func hugeWindow(dt []byte) []byte {
	dt[bytes.Index(dt, []byte{0x21, 0x01})+2] = 40
	header := dt[12:]
	header = header[:(int(header[0])+1)*4-4]
	binary.LittleEndian.AppendUint32(header, crc32.ChecksumIEEE(header)) // into dt
	return dt
}

func xzWriter(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) }

func pack(t *testing.T, dt []byte, open func(io.Writer) (io.WriteCloser, error)) []byte {
	var buf bytes.Buffer
	w, err := open(&buf)
	require.NoError(t, err)
	_, err = w.Write(dt)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return buf.Bytes()
}
