package main

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"lambdabase/internal/catalog"
	"lambdabase/internal/contentstore"
	"lambdabase/internal/lambdarules"
	"lambdabase/internal/mirror/store"
	"lambdabase/internal/printable"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/distribution/reference"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// imageSource is where an image is: a file, a folder, or a registry.
type imageSource struct {
	name      string
	pushed    bool   // it is in a registry, whatever is here under the name
	digest    string // of the image, where the name may stand for several, or for another one by now; may be empty
	caPEM     []byte // certificates to trust a registry by; may be nil
	plainHTTP bool   // for a registry elsewhere
}

// open opens the image. What is there as a file or folder is that.
func (s imageSource) open(ctx context.Context) (image lambdarules.Image, closer func() error, err error) {
	info, err := os.Stat(s.name)
	switch {
	case s.pushed:
		return s.openRegistryImage(ctx)
	case err == nil && info.IsDir():
		return s.openLayoutImage()
	case err == nil && info.Mode().IsRegular():
		return s.openArchiveImage()
	case err == nil:
		return image, nil, errors.Errorf("%s is neither a file nor a folder: it has to be read more than once", printable.Name(s.name))
	case strings.HasSuffix(s.name, ".tar"):
		return image, nil, errors.Errorf("there is no file %s", printable.Name(s.name))
	case !strings.ContainsAny(s.name, "/:@") && catalog.CheckName(s.name) == nil:
		return image, nil, errors.Errorf("%s is neither a file, a folder, nor the name of an image with its registry; a runtime is checked as it is built: lambdabase build %s --check -o FILE",
			printable.Name(s.name), printable.Name(s.name))
	}
	return s.openRegistryImage(ctx)
}

func (s imageSource) openRegistryImage(ctx context.Context) (image lambdarules.Image, closer func() error, err error) {
	named, err := reference.ParseNormalizedNamed(s.name)
	if err != nil {
		return image, nil, errors.Errorf("%q is neither a file, a folder, nor the name of an image: %v", s.name, err)
	}
	repository, err := store.OpenRepository(named.Name(), s.plainHTTP, store.Options{CABundle: s.caPEM})
	if err != nil {
		return image, nil, errors.Wrap(err, named.String())
	}
	root, err := repository.Resolve(ctx, s.referenceOf(named))
	if store.IsNotFound(err) {
		return image, nil, errors.Errorf("%s isn't there", named)
	}
	if err != nil {
		return image, nil, errors.Wrap(err, named.String())
	}
	return lambdarules.Image{Fetcher: repository, Root: root}, func() error { return nil }, nil
}

// referenceOf returns the digest or the tag of an image.
func (s imageSource) referenceOf(named reference.Named) string {
	if s.digest != "" {
		return s.digest
	}
	if digested, is := named.(reference.Digested); is {
		return digested.Digest().String()
	}
	return reference.TagNameOnly(named).(reference.Tagged).Tag()
}

func (s imageSource) openLayoutImage() (image lambdarules.Image, closer func() error, err error) {
	index, found, err := contentstore.ReadIndex(s.name)
	if err == nil && !found {
		return image, nil, errors.Errorf("folder %s is no OCI layout: there is no file %s in it", printable.Name(s.name), ocispecs.ImageIndexFile)
	}
	if err == nil {
		image.Fetcher = storeFetcher{contentstore.NewLayout(s.name)}
		image.Root, err = s.chooseImage(index)
	}
	return image, func() error { return nil }, errors.Wrapf(err, "layout %s", printable.Name(s.name))
}

// chooseImage returns the image that is meant, or the only one.
func (s imageSource) chooseImage(index ocispecs.Index) (ocispecs.Descriptor, error) {
	for _, d := range index.Manifests {
		if s.digest != "" && d.Digest.String() == s.digest {
			return d, nil
		}
	}
	if !hasOneImage(index) {
		return ocispecs.Descriptor{}, errors.Errorf("it has %d images, want one", len(index.Manifests))
	}
	return index.Manifests[0], nil
}

// hasOneImage tells one image from several. It stands there once for each of its names.
func hasOneImage(index ocispecs.Index) bool {
	isOther := func(d ocispecs.Descriptor) bool { return d.Digest != index.Manifests[0].Digest }
	return len(index.Manifests) > 0 && !slices.ContainsFunc(index.Manifests, isOther)
}

// openArchiveImage opens an OCI archive, or one of docker save.
func (s imageSource) openArchiveImage() (image lambdarules.Image, closer func() error, err error) {
	archive, err := contentstore.OpenArchive(s.name)
	if err != nil {
		return image, nil, errors.Wrapf(err, "archive %s", printable.Name(s.name))
	}
	var index ocispecs.Index
	found, err := archive.ReadJSON(ocispecs.ImageIndexFile, &index)
	switch {
	case found && err == nil:
		image.Fetcher = storeFetcher{archive}
		image.Root, err = s.chooseImage(index)
	case err == nil:
		image, err = openSaved(archive)
	}
	if err != nil {
		archive.Close()
		return image, nil, errors.Wrapf(err, "archive %s", printable.Name(s.name))
	}
	return image, archive.Close, nil
}

// storeFetcher reads blobs of a store.
type storeFetcher struct{ content.Provider }

func (s storeFetcher) Fetch(ctx context.Context, blob ocispecs.Descriptor) (io.ReadCloser, error) {
	r, err := s.ReaderAt(ctx, blob)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{content.NewReader(r), r}, nil
}
