package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fill makes the same files in another order, at another time, with another umask's modes.
func fill(t *testing.T, names []string, mode os.FileMode) string {
	t.Helper()
	dir := t.TempDir()
	for i, name := range names {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700|mode))
		perm := 0o600 | mode&0o044
		if name == "a/program" {
			perm = 0o700 | mode&0o055
		}
		require.NoError(t, os.WriteFile(file, []byte(name), perm))
		require.NoError(t, os.Chtimes(file, time.Now(), time.Now().Add(time.Duration(-i)*time.Hour)))
	}
	return dir
}

func TestAnArchiveIsMadeOfItsContentAlone(t *testing.T) {
	mtime := time.Unix(1700000000, 0)
	var first, second bytes.Buffer
	require.NoError(t, writeTarGz(&first, fill(t, []string{"a/z", "a/program", "a-b", "b"}, 0o755), mtime))
	require.NoError(t, writeTarGz(&second, fill(t, []string{"b", "a/program", "a-b", "a/z"}, 0), mtime))
	require.Equal(t, first.Bytes(), second.Bytes())

	zr, err := gzip.NewReader(&first)
	require.NoError(t, err)
	require.Empty(t, zr.Name)
	require.True(t, zr.ModTime.IsZero())
	var got []string
	for tr := tar.NewReader(zr); ; {
		header, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		got = append(got, header.FileInfo().Mode().String()+" "+header.Name)
		assert.Equal(t, mtime, header.ModTime)
		assert.Zero(t, header.Uid+header.Gid)
		assert.Empty(t, header.Uname+header.Gname)
		assert.Empty(t, header.PAXRecords)
	}
	require.Equal(t, []string{"drwxr-xr-x a/", "-rwxr-xr-x a/program", "-rw-r--r-- a/z", "-rw-r--r-- a-b", "-rw-r--r-- b"}, got)
}

func TestAnArchiveHasFilesAlone(t *testing.T) {
	dir := fill(t, []string{"a"}, 0)
	require.NoError(t, os.Symlink("a", filepath.Join(dir, "link")))
	require.EqualError(t, writeTar(io.Discard, dir, time.Now()), "link is no file")
}

func TestChecksumsAreThoseOfSha256sum(t *testing.T) {
	dir := fill(t, []string{"b", "a"}, 0)
	require.NoError(t, writeChecksums(dir))
	require.NoError(t, writeChecksums(dir), "once more, which leaves itself out")
	want := "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  a\n" +
		"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  b\n"
	dt, err := os.ReadFile(filepath.Join(dir, checksumsFile))
	require.NoError(t, err)
	require.Equal(t, want, string(dt))
	cmd := exec.CommandContext(t.Context(), "sha256sum", "--strict", "-c", checksumsFile)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}
