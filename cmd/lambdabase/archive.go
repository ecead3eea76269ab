package main

import (
	"lambdabase/internal/contentstore"
	"lambdabase/internal/printable"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// openArchive opens an OCI archive as a content store, and returns the digest of its only image. Who reads the store verifies the
// blobs.
func openArchive(name string) (_ *contentstore.Archive, root digest.Digest, err error) {
	archive, err := contentstore.OpenArchive(name)
	if err != nil {
		return nil, "", errors.Wrapf(err, "archive %s", printable.Name(name))
	}
	defer func() {
		if err != nil {
			archive.Close()
		}
	}()
	var index ocispecs.Index
	if _, err := archive.ReadJSON(ocispecs.ImageIndexFile, &index); err != nil {
		return nil, "", errors.Wrapf(err, "archive %s", printable.Name(name))
	}
	if !hasOneImage(index) {
		return nil, "", errors.Errorf("archive %s has %d images, want an OCI archive of one (lambdabase build -o FILE, docker buildx build -o type=oci,dest=FILE)",
			printable.Name(name), len(index.Manifests))
	}
	root = index.Manifests[0].Digest
	return archive, root, errors.Wrapf(root.Validate(), "archive %s: %s", printable.Name(name), ocispecs.ImageIndexFile)
}
