//go:build !linux

package isolate

import (
	"context"
	"io"
	"runtime"

	"github.com/pkg/errors"
)

// Reexec fails.
func Reexec(context.Context, io.Reader) (isolated bool, exit int, err error) {
	return false, 0, errors.Errorf("BuildKit inside the process needs Linux, and this is %s: use a BuildKit daemon", runtime.GOOS)
}

// IDHint says nothing.
func IDHint(error) string { return "" }
