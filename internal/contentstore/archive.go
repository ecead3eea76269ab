package contentstore

import (
	"archive/tar"
	"context"
	"encoding/json"
	"io"
	"os"
	"path"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// maxDocument is the size in bytes that no index.json and no manifest.json comes near to.
const maxDocument = 1 << 20

// maxEntries is how many files an archive of images has at most.
const maxEntries = 1 << 16

// Archive has the files of a tar, which stay where they are in it: nothing is unpacked. The blobs among them are a store. Who reads
// one verifies it.
type Archive struct {
	ReadOnly
	file  *os.File
	files map[string]section
	links map[string]string
}

type section struct{ offset, size int64 }

// OpenArchive finds out where what is in an archive.
func OpenArchive(name string) (*Archive, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	a := &Archive{file: file, files: map[string]section{}, links: map[string]string{}}
	if err := a.scan(); err != nil {
		file.Close()
		return nil, err
	}
	return a, nil
}

// Close closes the archive, and what is read of it.
func (a *Archive) Close() error { return a.file.Close() }

func (a *Archive) scan() error {
	info, err := a.file.Stat()
	if err != nil {
		return err
	}
	for t := tar.NewReader(a.file); ; {
		header, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errors.Wrap(err, "no tar")
		}
		offset, err := a.file.Seek(0, io.SeekCurrent) // tar reads nothing ahead
		if err != nil {
			return err
		}
		name := path.Clean(header.Name)
		switch header.Typeflag {
		case tar.TypeReg:
			if header.Size > info.Size()-offset { // one with holes, which says of itself that it is empty for terabytes
				return errors.Errorf("%s has more bytes than the archive", name)
			}
			a.files[name] = section{offset, header.Size}
		case tar.TypeSymlink: // as older versions of docker save have for a layer that is there twice
			a.links[name] = path.Join(path.Dir(name), header.Linkname)
		}
		if len(a.files)+len(a.links) > maxEntries {
			return errors.New("it has more files than an archive of images")
		}
	}
}

// Open returns a file.
func (a *Archive) Open(name string) (*io.SectionReader, bool) {
	name = path.Clean(name)
	if target, is := a.links[name]; is {
		name = target
	}
	s, ok := a.files[name]
	if !ok {
		return nil, false
	}
	return io.NewSectionReader(a.file, s.offset, s.size), true
}

// ReadJSON reads a small file, if it is there.
func (a *Archive) ReadJSON(name string, into any) (found bool, err error) {
	r, ok := a.Open(name)
	if !ok {
		return false, nil
	}
	return true, readJSON(r, name, into)
}

func readJSON(r io.Reader, name string, into any) error {
	return errors.Wrap(json.NewDecoder(io.LimitReader(r, maxDocument)).Decode(into), name)
}

// Info returns the size of a blob.
func (a *Archive) Info(_ context.Context, blob digest.Digest) (content.Info, error) {
	r, err := a.blob(blob)
	if err != nil {
		return content.Info{}, err
	}
	return content.Info{Digest: blob, Size: r.Size()}, nil
}

// ReaderAt returns a blob.
func (a *Archive) ReaderAt(_ context.Context, desc ocispecs.Descriptor) (content.ReaderAt, error) {
	r, err := a.blob(desc.Digest)
	if err != nil {
		return nil, err
	}
	return sectionReader{r}, nil
}

func (a *Archive) blob(blob digest.Digest) (*io.SectionReader, error) {
	name, err := blobFile(blob)
	if err != nil {
		return nil, err
	}
	r, ok := a.Open(name)
	if !ok {
		return nil, notThere(blob)
	}
	return r, nil
}

type sectionReader struct{ *io.SectionReader }

// Close does nothing: the archive is what is open.
func (sectionReader) Close() error { return nil }
