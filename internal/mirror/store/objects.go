package store

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"lambdabase/internal/lfs"

	"github.com/docker/go-units"
	"github.com/pkg/errors"
)

// Source is where objects come from that a mirror lacks.
type Source interface {
	fmt.Stringer
	// Open returns the content of an object. What is read of it is verified.
	Open(ctx context.Context, o lfs.Object) (io.ReadCloser, error)
	// Release is told that an object is in the mirror.
	Release(o lfs.Object)
}

// Open returns an object of the mirror: it is a source for others.
func (m *Mirror) Open(ctx context.Context, o lfs.Object) (io.ReadCloser, error) {
	content, err := m.fetch(ctx, objectBlob(o))
	if IsNotFound(err) {
		err = errors.Errorf("it isn't in %s", m.location)
	}
	return content, err
}

// Release does nothing.
func (m *Mirror) Release(lfs.Object) {}

// maxAttempts is how often a request is made, and an object copied.
const maxAttempts = 4

// copyObject brings an object into the mirror. It reports whether any byte of it came by here.
func (m *Mirror) copyObject(ctx context.Context, source Source, o lfs.Object, onBytes func(n int64)) (copied bool, err error) {
	delay := m.retryDelay
	for attempt := 1; ; attempt++ {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		c := &objectCopy{mirror: m, source: source, object: o, onBytes: onBytes}
		err := c.run(ctx)
		if err == nil {
			source.Release(o)
			return c.opened, nil
		}
		onBytes(-c.moved.Load())
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		if attempt == maxAttempts || !isTransient(err) {
			return false, errors.WithMessagef(err, "%s (object sha256:%s, %s)", o.Path, o.OID, units.HumanSize(float64(o.Size)))
		}
		if err := sleep(ctx, delay); err != nil {
			return false, err
		}
		delay *= 2
	}
}

// objectCopy is one attempt to copy an object.
type objectCopy struct {
	mirror  *Mirror
	source  Source
	object  lfs.Object
	onBytes func(int64)
	opened  bool         // and not mounted
	moved   atomic.Int64 // bytes that were told
	failed  error        // why the source has nothing
	content *progressReader
}

func (c *objectCopy) run(parent context.Context) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	err := c.mountOrPush(ctx, cancel)
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), errStalled):
		return errStalled
	case c.failed != nil:
		return &sourceError{c.failed}
	case c.content != nil && c.content.failure() != nil:
		return &sourceError{errors.WithMessage(c.content.failure(), c.source.String())}
	}
	return err
}

// mountOrPush takes the object from another repository of the same registry, where that can be.
func (c *objectCopy) mountOrPush(ctx context.Context, cancel context.CancelCauseFunc) error {
	open := func() (io.ReadCloser, error) { return c.open(ctx, cancel) }
	if to, from := registryOf(c.mirror), registryOf(c.source); to != nil && from != nil && to.host == from.host {
		err := to.mount(ctx, objectBlob(c.object), from, open)
		if err == nil || c.opened || c.failed != nil || isTransient(err) {
			return err
		}
	}
	content, err := open()
	if err != nil {
		return err
	}
	defer content.Close()
	return c.mirror.push(ctx, objectBlob(c.object), content)
}

func registryOf(s Source) *registry {
	if m, ok := s.(*Mirror); ok {
		if r, ok := m.backend.(*registry); ok {
			return r
		}
	}
	return nil
}

func (c *objectCopy) open(ctx context.Context, cancel context.CancelCauseFunc) (io.ReadCloser, error) {
	source, err := c.source.Open(ctx, c.object)
	if err != nil {
		c.failed = err
		return nil, err
	}
	c.opened = true
	c.content = newProgressReader(source, objectBlob(c.object), cancel, func(n int64) {
		c.moved.Add(n)
		c.onBytes(n)
	})
	return c.content, nil
}
