package sandbox

import (
	"archive/tar"
	"encoding/json"
	"io"
	"os"

	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
)

// archive is a tar file whose entries can be read in any order: layers are too big to be kept in memory.
type archive struct {
	file    string
	entries map[string]section
}

type section struct{ offset, size int64 }

func openArchive(file string) (*archive, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	a := &archive{file: file, entries: map[string]section{}}
	tr := tar.NewReader(f)
	for {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return a, nil
		}
		if err != nil {
			return nil, errors.Wrapf(err, "archive %s", file)
		}
		offset, err := f.Seek(0, io.SeekCurrent) // tar.Reader reads nothing ahead
		if err != nil {
			return nil, err
		}
		a.entries[hdr.Name] = section{offset: offset, size: hdr.Size}
	}
}

type sectionReader struct {
	io.Reader
	io.Closer
}

func (a *archive) open(name string) (io.ReadCloser, error) {
	s, ok := a.entries[name]
	if !ok {
		return nil, errors.Errorf("no %s in the archive", name)
	}
	f, err := os.Open(a.file)
	if err != nil {
		return nil, err
	}
	return sectionReader{io.NewSectionReader(f, s.offset, s.size), f}, nil
}

func blobName(d digest.Digest) string {
	return "blobs/" + d.Algorithm().String() + "/" + d.Encoded()
}

// blob is a small one, with its digest checked.
func (a *archive) blob(d digest.Digest) ([]byte, error) {
	r, err := a.open(blobName(d))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err == nil && d.Algorithm().FromBytes(data) != d {
		err = errors.Errorf("blob %s has another digest", d)
	}
	return data, err
}

func (a *archive) blobJSON(d digest.Digest, into any) error {
	data, err := a.blob(d)
	if err != nil {
		return err
	}
	return errors.Wrapf(json.Unmarshal(data, into), "blob %s", d)
}
