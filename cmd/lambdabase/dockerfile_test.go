package main

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnInterruptEndsTheReadOfADockerfile(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = w.Write([]byte("FROM scratch\n")) // returns once it is read
		cancel()
	}()
	_, err := readInterruptibly(ctx, r)
	require.ErrorIs(t, err, context.Canceled)
}
