package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

func TestAnArchiveIsTakenForNoMoreThanItIs(t *testing.T) {
	image := `{"digest":"sha256:` + strings.Repeat("a", 64) + `"}`
	blob, index := "blobs/sha256/"+strings.Repeat("a", 64), `{"manifests":[`+image+`]}`
	for name, tc := range map[string]struct {
		archive   []byte
		want      string // error
		lacksBlob bool
	}{
		"an image":         {packFiles(t, blob, "x", "index.json", index), "", false},
		"packed with tar":  {packFiles(t, "./"+blob, "x", "./index.json", index), "", false},
		"two names":        {packFiles(t, blob, "x", "index.json", `{"manifests":[`+image+","+image+`]}`), "", false},
		"two images":       {packFiles(t, "index.json", `{"manifests":[{},`+image+`]}`), "has 2 images, want an OCI archive of one", false},
		"no image":         {packFiles(t, "index.json", `{}`), "has 0 images, want an OCI archive of one", false},
		"no digest":        {packFiles(t, "index.json", `{"manifests":[{"digest":"../../x"}]}`), "index.json: invalid checksum digest format", false},
		"no tar":           {[]byte("x"), "no tar", false},
		"a terabyte of 0s": {sparse(t, blob, 1<<40), blob + " has more bytes than the archive", false},
		"a way out":        {packFiles(t, "blobs/sha256/../../../"+strings.Repeat("a", 64), "x", "index.json", index), "", true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "image.tar")
			require.NoError(t, os.WriteFile(file, tc.archive, 0o600))
			archive, root, err := openArchive(file)
			if tc.want != "" {
				require.ErrorContains(t, err, tc.want)
				return
			}
			require.NoError(t, err)
			defer archive.Close()
			r, err := archive.ReaderAt(t.Context(), ocispecs.Descriptor{Digest: root})
			if tc.lacksBlob {
				require.True(t, errdefs.IsNotFound(err), err)
				return
			}
			require.NoError(t, err)
			content, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
			require.NoError(t, err)
			require.Equal(t, "x", string(content))
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
