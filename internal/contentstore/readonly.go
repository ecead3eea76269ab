// Package contentstore has content stores that a client's session hands to a daemon. A daemon only reads of one.
package contentstore

import (
	"context"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
)

// ReadOnly is what a store has besides reading, which a daemon never asks of a client's: all of it fails.
type ReadOnly struct{}

// Update fails.
func (ReadOnly) Update(context.Context, content.Info, ...string) (content.Info, error) {
	return content.Info{}, errReadOnly
}

// Walk fails.
func (ReadOnly) Walk(context.Context, content.WalkFunc, ...string) error { return errReadOnly }

// Delete fails.
func (ReadOnly) Delete(context.Context, digest.Digest) error { return errReadOnly }

// ListStatuses fails.
func (ReadOnly) ListStatuses(context.Context, ...string) ([]content.Status, error) {
	return nil, errReadOnly
}

// Status fails.
func (ReadOnly) Status(context.Context, string) (content.Status, error) {
	return content.Status{}, errReadOnly
}

// Abort fails.
func (ReadOnly) Abort(context.Context, string) error { return errReadOnly }

// Writer fails.
func (ReadOnly) Writer(context.Context, ...content.WriterOpt) (content.Writer, error) {
	return nil, errReadOnly
}

var errReadOnly = errors.Wrap(errdefs.ErrNotImplemented, "the store is read only")
