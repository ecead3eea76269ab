package sandbox

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"

	"lambdabase/test/fstree"
)

var sampleTime = time.Unix(1700000000, 623456789)

// capability is CAP_NET_BIND_SERVICE, permitted and effective, as setcap writes it.
const capability = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// The extended attributes of the sample's /usr/bin/ping, as an entry shows them.
const (
	capabilityXattr = `security.capability="\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"`
	noteXattr       = `user.note="a=b\n"`
)

// sample is a tarball with everything an image can carry.
func sample(t testing.TB) []byte {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, hdr := range []tar.Header{
		{Typeflag: tar.TypeDir, Name: "usr/", Mode: 0o755},
		{Typeflag: tar.TypeDir, Name: "usr/bin/", Mode: 0o1775, Gid: 12},
		{Typeflag: tar.TypeReg, Name: "usr/bin/su", Mode: 0o4755, Size: 2},
		{Typeflag: tar.TypeLink, Name: "usr/bin/sudo", Linkname: "usr/bin/su", Mode: 0o4755},
		{Typeflag: tar.TypeReg, Name: "usr/bin/owned", Mode: 0o640, Uid: 993, Gid: 990, Size: 2},
		{Typeflag: tar.TypeReg, Name: "usr/bin/ping", Mode: 0o755, Size: 2, PAXRecords: map[string]string{
			"SCHILY.xattr.security.capability": capability, "SCHILY.xattr.user.note": "a=b\n"}},
		{Typeflag: tar.TypeSymlink, Name: "bin", Linkname: "usr/bin", Mode: 0o777},
		{Typeflag: tar.TypeFifo, Name: "queue", Mode: 0o600},
		{Typeflag: tar.TypeChar, Name: "null", Mode: 0o666, Devmajor: 1, Devminor: 3},
	} {
		hdr.Format, hdr.ModTime = tar.FormatPAX, sampleTime
		require.NoError(t, tw.WriteHeader(&hdr))
		_, err := tw.Write([]byte("hi")[:hdr.Size])
		require.NoError(t, err)
	}
	require.NoError(t, tw.Close())
	return buf.Bytes()
}

func sampleTree(t testing.TB) fstree.Tree {
	t.Helper()
	tree, err := fstree.FromTar(bytes.NewReader(sample(t)))
	require.NoError(t, err)
	return tree
}

// sampleRequest is the build of a Dockerfile that adds the sample.
func sampleRequest(t testing.TB) Request {
	t.Helper()
	var compressed bytes.Buffer
	w, err := xz.NewWriter(&compressed)
	require.NoError(t, err)
	_, err = w.Write(sample(t))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return dockerfile(t, map[string]string{
		"Dockerfile":   "FROM scratch\nADD layer.tar.xz /\nENV A=b\n",
		"layer.tar.xz": compressed.String(),
	})
}

// dockerfile is the build of a folder with these files.
func dockerfile(t testing.TB, files map[string]string) Request {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return Request{Frontend: "dockerfile.v0", Dirs: map[string]string{"context": dir, "dockerfile": dir}}
}
