package embedded

import (
	stderrors "errors"
)

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
