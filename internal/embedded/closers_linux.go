package embedded

import (
	stderrors "errors"
	"time"
)

// abandonTimeout is how long the closing of one thing may take after a panic.
const abandonTimeout = time.Second

// closers close what was opened, the last first.
type closers []func() error

func (c *closers) add(f func() error) {
	*c = append(*c, f)
}

func (c *closers) close() error {
	var errs []error
	for i := len(*c) - 1; i >= 0; i-- {
		errs = append(errs, (*c)[i]())
	}
	*c = nil
	return stderrors.Join(errs...)
}

// closeAfterPanic closes what can be after a panic: a database that panics in a transaction keeps its locks, and whoever
// closes it waits for them for ever (bbolt v1.5.0, db.go:695).
func (c *closers) closeAfterPanic() {
	for i := len(*c) - 1; i >= 0; i-- {
		waitFor(abandonTimeout, func() {
			defer func() { _ = recover() }()
			_ = (*c)[i]()
		})
	}
	*c = nil
}
