package store

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// corruptError is content that isn't what its digest says.
type corruptError struct{ reason string }

func (e *corruptError) Error() string { return "corrupted: " + e.reason }

// errBroken says that a source broke off.
var errBroken = errors.New("the source broke off")

// verifier reads a blob, and fails before its last byte where that isn't the blob: who takes it to the end has the right one.
// (content.VerifyReader of oras says so afterwards, which an HTTP request with a length doesn't ask for any more.)
type verifier struct {
	source io.Reader
	blob   ocispecs.Descriptor
	hash   digest.Digester
	left   int64
}

func newVerifier(r io.Reader, blob ocispecs.Descriptor) *verifier {
	return &verifier{source: r, blob: blob, hash: blob.Digest.Algorithm().Digester(), left: blob.Size}
}

func (v *verifier) Read(p []byte) (int, error) {
	if v.left == 0 {
		return 0, v.check()
	}
	n, err := v.source.Read(p[:min(int64(len(p)), v.left)])
	v.hash.Hash().Write(p[:n])
	v.left -= int64(n)
	switch {
	case v.left == 0:
		if err := v.check(); !errors.Is(err, io.EOF) {
			return 0, err
		}
		return n, nil
	case err == io.EOF:
		return n, &corruptError{fmt.Sprintf("%d bytes, want %d", v.blob.Size-v.left, v.blob.Size)}
	case err != nil:
		return n, errors.Wrap(errBroken, err.Error())
	}
	return n, nil
}

// check says what is wrong with the whole, or io.EOF.
func (v *verifier) check() error {
	if found := v.hash.Digest(); found != v.blob.Digest {
		return &corruptError{fmt.Sprintf("its content has %s", found)}
	}
	if n, _ := io.ReadFull(v.source, make([]byte, 1)); n > 0 {
		return &corruptError{fmt.Sprintf("more than %d bytes", v.blob.Size)}
	}
	return io.EOF
}

// progressReader reads a blob verified, tells how it gets on, and ends the attempt where it doesn't.
type progressReader struct {
	*verifier
	source  io.Closer
	timer   *time.Timer
	onBytes func(int64)

	mu     sync.Mutex
	err    error
	closed bool
}

func newProgressReader(source io.ReadCloser, blob ocispecs.Descriptor, cancel context.CancelCauseFunc, onBytes func(int64)) *progressReader {
	return &progressReader{
		verifier: newVerifier(source, blob), source: source, onBytes: onBytes,
		timer: time.AfterFunc(stallTimeout, func() { cancel(errStalled) }),
	}
}

func (r *progressReader) Read(p []byte) (int, error) {
	n, err := r.verifier.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return n, err
	}
	r.timer.Reset(stallTimeout)
	r.onBytes(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// failure returns why the blob couldn't be read.
func (r *progressReader) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Close may be called while a request that has ended yet reads its body: what comes of that isn't the source's fault.
func (r *progressReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.timer.Stop()
	return r.source.Close()
}
