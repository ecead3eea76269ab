// Package panics makes an error of a panic: what a branch, a server or a daemon says must not end the process, whatever mistake
// of ours, or of a library, it hits upon. A panic ends the process in any goroutine, and can be caught in that alone.
package panics

import (
	"context"

	"github.com/pkg/errors"
	"golang.org/x/sync/errgroup"
)

// Recover calls a function, and makes an error of its panic.
func Recover[T any](f func() (T, error)) (_ T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.Errorf("internal error: %v, please report it", p)
		}
	}()
	return f()
}

// Do is Recover for a function that has no result but its error.
func Do(f func() error) error {
	_, err := Recover(func() (struct{}, error) { return struct{}{}, f() })
	return err
}

// Group is an errgroup.Group in whose goroutines a panic is an error.
type Group struct{ group *errgroup.Group }

// NewGroup returns a group all of whose functions are run to their end.
func NewGroup() Group { return Group{&errgroup.Group{}} }

// WithContext returns a group, and a context that ends with the first error.
func WithContext(ctx context.Context) (Group, context.Context) {
	group, ctx := errgroup.WithContext(ctx)
	return Group{group}, ctx
}

// SetLimit bounds how many functions run at once.
func (g Group) SetLimit(n int) { g.group.SetLimit(n) }

// Go calls a function in a goroutine.
func (g Group) Go(f func() error) { g.group.Go(func() error { return Do(f) }) }

// Wait waits for all functions, and returns the first error.
func (g Group) Wait() error { return g.group.Wait() }
