package main

import (
	"archive/tar"
	"encoding/json"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"

	"lambdabase/internal/contentstore"
	"lambdabase/internal/printable"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// blobRE matches the files of an OCI archive that are blobs: nothing else is written where the archive says.
var blobRE = regexp.MustCompile(`^blobs/sha256/([0-9a-f]{64})$`)

// maxIndexSize is the size in bytes that no index.json comes near to.
const maxIndexSize = 1 << 20

// openArchive unpacks an OCI archive into a folder, as a content store, and returns the digest of its only image. Who reads the
// store verifies the blobs.
func openArchive(name, dir string) (content.Store, digest.Digest, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, "", errors.Wrap(err, "archive")
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, "", errors.Wrap(err, "archive")
	}
	index, err := unpackBlobs(file, info.Size(), dir)
	if err != nil {
		return nil, "", errors.Wrapf(err, "archive %s", printable.Name(name))
	}
	if len(index.Manifests) != 1 {
		return nil, "", errors.Errorf("archive %s has %d images, want an OCI archive of one (lambdabase build -o FILE, docker buildx build -o type=oci,dest=FILE)",
			printable.Name(name), len(index.Manifests))
	}
	if err := index.Manifests[0].Digest.Validate(); err != nil {
		return nil, "", errors.Wrapf(err, "archive %s: %s", printable.Name(name), ocispecs.ImageIndexFile)
	}
	return contentstore.NewLayout(dir), index.Manifests[0].Digest, nil
}

// unpackBlobs unpacks an archive of a size. It writes no more: a tar may say of a file that it is empty for terabytes.
func unpackBlobs(r io.Reader, size int64, dir string) (index ocispecs.Index, err error) {
	if err := os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o700); err != nil {
		return index, err
	}
	for t := tar.NewReader(r); ; {
		header, err := t.Next()
		if errors.Is(err, io.EOF) {
			return index, nil
		}
		if err != nil {
			return index, errors.Wrap(err, "no tar")
		}
		name := path.Clean(header.Name)
		switch {
		case name == ocispecs.ImageIndexFile:
			err = json.NewDecoder(io.LimitReader(t, maxIndexSize)).Decode(&index)
		case blobRE.MatchString(name) && header.Typeflag == tar.TypeReg:
			if size -= header.Size; size < 0 {
				return index, errors.Errorf("%s has more bytes than the archive", name)
			}
			err = writeBlob(filepath.Join(dir, name), t)
		}
		if err != nil {
			return index, errors.Wrap(err, name)
		}
	}
}

func writeBlob(name string, r io.Reader) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(file, r)
	return err
}
