package flock

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestALockIsHeldUntilItsFileIsClosed(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		require.NoError(t, err)
		t.Cleanup(func() { file.Close() })
		return file
	}
	try := func(file *os.File) bool {
		ok, err := TryLock(file)
		require.NoError(t, err)
		return ok
	}
	first, second := open(), open()
	require.True(t, try(first))
	require.True(t, try(first), "the holder itself")
	require.False(t, try(second))
	first.Close()
	require.True(t, try(second))
	_, err := TryLock(first)
	require.Error(t, err)
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	require.NoError(t, Wait(t.Context()))
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(os.ErrDeadlineExceeded)
	require.ErrorIs(t, Wait(ctx), os.ErrDeadlineExceeded)
}
