package store

import (
	"context"
	"crypto/tls"
	"io"
	"io/fs"
	"net"
	"net/http"
	"time"

	"github.com/pkg/errors"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// stallTimeout is how long no byte of a blob may move.
const stallTimeout = time.Minute

var errStalled = errors.Errorf("nothing moved for %s", stallTimeout)

// sourceError is the fault of where an object comes from, not of the mirror that it is for.
type sourceError struct{ error }

func (e *sourceError) Unwrap() error { return e.error }

// isTransient reports whether an error may pass.
func isTransient(err error) bool {
	var answer *errcode.ErrorResponse
	var corrupt *corruptError
	var file *fs.PathError
	var certificate *tls.CertificateVerificationError
	var network net.Error
	switch {
	case errors.As(err, &corrupt), errors.As(err, &file), errors.As(err, &certificate), IsNotFound(err):
		return false
	case errors.As(err, &answer):
		return answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusRequestTimeout
	}
	return errors.Is(err, errStalled) || errors.Is(err, errBroken) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

// sleep waits, unless ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
