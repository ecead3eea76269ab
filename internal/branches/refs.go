package branches

import (
	"bytes"
	"io"

	"github.com/pkg/errors"
)

const (
	// maxRefs bounds what a server says of its refs, which go-git keeps whole: half a million of them have less.
	maxRefs = 32 << 20
	// maxFirstRef is more than a server says of itself, which it does beside its first ref.
	maxFirstRef = 4 << 10
)

var (
	errTooManyRefs = errors.Errorf("it names more than %d MB of branches and tags: this is no repository of snapshots", maxRefs>>20)
	errSHA256      = errors.New("its ids are of SHA-256, which can be built from but not listed: name the runtime (lambdabase build RUNTIME)")
)

// refs is what is told of a server's refs while they come.
type refs struct {
	first    []byte // what came first
	size     int64
	tooLarge bool
}

// reader returns a reader of the refs that ends beyond what they may have.
func (f *refs) reader(r io.ReadCloser) io.ReadCloser { return &refsReader{r, f} }

// explain returns why the refs couldn't be read, if that is known.
func (f *refs) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case f.tooLarge:
		return errTooManyRefs
	case bytes.Contains(f.first, []byte("object-format=sha256")): // go-git reads none of their ids
		return errSHA256
	}
	return err
}

type refsReader struct {
	io.ReadCloser
	refs *refs
}

func (r *refsReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	f := r.refs
	f.first = append(f.first, p[:min(n, maxFirstRef-len(f.first))]...)
	if f.size += int64(n); f.size > maxRefs {
		f.tooLarge = true
		return 0, errTooManyRefs
	}
	return n, err
}
