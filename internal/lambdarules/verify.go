package lambdarules

import (
	"hash"
	"io"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// verifier is a blob that is read: no byte more than it has, and an error in the place of its end where it is another one.
type verifier struct {
	io.ReadCloser
	blob ocispecs.Descriptor
	left int64
	hash hash.Hash
}

func (v *verifier) Read(p []byte) (int, error) {
	if v.left <= 0 {
		return 0, v.check()
	}
	n, err := v.ReadCloser.Read(p[:min(int64(len(p)), v.left)])
	v.hash.Write(p[:n])
	v.left -= int64(n)
	switch {
	case errors.Is(err, io.EOF) && v.left > 0:
		return n, errors.Errorf("%s is damaged: it ends %d bytes early", v.blob.Digest, v.left)
	case errors.Is(err, io.EOF):
		return n, v.check()
	}
	return n, errors.Wrap(err, v.blob.Digest.String())
}

func (v *verifier) check() error {
	if found := digest.NewDigest(v.blob.Digest.Algorithm(), v.hash); found != v.blob.Digest {
		return errors.Errorf("%s is damaged: what is there has %s", v.blob.Digest, found)
	}
	return io.EOF
}
