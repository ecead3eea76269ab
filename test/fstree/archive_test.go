package fstree

import (
	"archive/tar"
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var someTime = time.Unix(1700000000, 123456789)

// item is an entry of a tarball made for a test.
type item struct {
	hdr     tar.Header
	content string
}

func file(name, content string) item {
	return item{hdr: tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, content: content}
}

func dir(name string) item {
	return item{hdr: tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}}
}

func symlink(name, target string) item {
	return item{hdr: tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target}}
}

func hardlink(name, target string) item {
	return item{hdr: tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target, Mode: 0o644}}
}

func (i item) with(change func(*tar.Header)) item {
	change(&i.hdr)
	return i
}

func archive(t testing.TB, items ...item) io.Reader {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, i := range items {
		hdr := i.hdr
		hdr.Format, hdr.Size = tar.FormatPAX, int64(len(i.content))
		if hdr.ModTime.IsZero() {
			hdr.ModTime = someTime
		}
		require.NoError(t, tw.WriteHeader(&hdr))
		_, err := tw.Write([]byte(i.content))
		require.NoError(t, err)
	}
	require.NoError(t, tw.Close())
	return &buf
}

func read(t testing.TB, items ...item) Tree {
	t.Helper()
	got, err := FromTar(archive(t, items...))
	require.NoError(t, err)
	return got
}
