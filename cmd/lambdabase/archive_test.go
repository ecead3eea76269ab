package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnArchiveIsTakenForNoMoreThanItIs(t *testing.T) {
	blob, index := "blobs/sha256/"+strings.Repeat("a", 64), `{"manifests":[{"digest":"sha256:`+strings.Repeat("a", 64)+`"}]}`
	for name, tc := range map[string]struct {
		archive []byte
		want    string // error
	}{
		"an image":         {packFiles(t, blob, "x", "index.json", index), ""},
		"packed with tar":  {packFiles(t, "./"+blob, "x", "./index.json", index), ""},
		"two images":       {packFiles(t, "index.json", `{"manifests":[{},{}]}`), "has 2 images, want an OCI archive of one"},
		"no digest":        {packFiles(t, "index.json", `{"manifests":[{"digest":"../../x"}]}`), "index.json: invalid checksum digest format"},
		"no tar":           {[]byte("x"), "no tar"},
		"a terabyte of 0s": {sparse(t, blob, 1<<40), blob + " has more bytes than the archive"},
		"a way out":        {packFiles(t, "blobs/sha256/../../../"+strings.Repeat("a", 64), "x", "index.json", index), ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "image.tar")
			require.NoError(t, os.WriteFile(file, tc.archive, 0o600))
			_, _, err := openArchive(file, filepath.Join(dir, "in", "store"))
			if tc.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.want)
			}
			require.NoFileExists(t, filepath.Join(dir, "in", strings.Repeat("a", 64)))
			require.NoFileExists(t, filepath.Join(dir, strings.Repeat("a", 64)))
		})
	}
}

// packFiles packs files: names and contents.
func packFiles(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1]))}))
		_, err := w.Write([]byte(files[i+1]))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// sparse packs a file that is one hole, as GNU tar does with --sparse --format=posix; archive/tar only reads such.
func sparse(t *testing.T, name string, size int64) []byte {
	t.Helper()
	var records string
	for _, r := range []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=" + name, fmt.Sprintf("GNU.sparse.realsize=%d", size)} {
		records += fmt.Sprintf("%d %s\n", len(r)+4, r)
	}
	dt := packFiles(t, "records", records, "data", "0\n"+strings.Repeat("\x00", 510))
	dt[156] = tar.TypeXHeader
	sum := 0
	for i, c := range dt[:512] {
		if i >= 148 && i < 156 {
			c = ' '
		}
		sum += int(c)
	}
	copy(dt[148:], fmt.Sprintf("%06o\x00 ", sum))
	return dt
}
