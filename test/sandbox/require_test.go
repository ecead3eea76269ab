package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// observed is a test whose end is looked at from outside.
type observed struct {
	testing.TB
	skipped, failed, logged string
	cleanups                []func()
}

// observe runs fn as a test of its own: it may skip and fail without doing so to t.
func observe(t *testing.T, fn func(testing.TB)) *observed {
	o := &observed{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, cleanup := range o.cleanups {
				cleanup()
			}
		}()
		fn(o)
	}()
	<-done
	return o
}

func (o *observed) Helper()                   {}
func (o *observed) Cleanup(fn func())         { o.cleanups = append([]func(){fn}, o.cleanups...) }
func (o *observed) Failed() bool              { return o.failed != "" }
func (o *observed) Logf(f string, a ...any)   { o.logged += fmt.Sprintf(f, a...) }
func (o *observed) Errorf(f string, a ...any) { o.failed += fmt.Sprintf(f, a...) }
func (o *observed) FailNow()                  { runtime.Goexit() }
func (o *observed) Fatalf(f string, a ...any) { o.Errorf(f, a...); o.FailNow() }
func (o *observed) Skipf(f string, a ...any)  { o.skipped = fmt.Sprintf(f, a...); runtime.Goexit() }

func TestMissingToolSkips(t *testing.T) {
	t.Setenv(toolsEnv, t.TempDir())
	t.Setenv(requiredEnv, "")
	o := observe(t, func(tb testing.TB) { Tool(tb, "buildkitd") })
	require.Contains(t, o.skipped, "tool in the folder of LAMBDABASE_TOOLS")
	require.Empty(t, o.failed)
}

func TestMissingToolFailsWhereItIsRequired(t *testing.T) {
	t.Setenv(toolsEnv, t.TempDir())
	t.Setenv(requiredEnv, "required")
	o := observe(t, func(tb testing.TB) { Require(tb, "buildkitd") })
	require.Contains(t, o.failed, "missing: ")
	require.Empty(t, o.skipped)
}

func TestToolIsAbsolute(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "buildx"), []byte("#!/bin/sh\n"), 0o700))
	t.Chdir(dir)
	t.Setenv(toolsEnv, ".")
	require.Equal(t, filepath.Join(dir, "buildx"), Tool(t, "buildx"))
}

func TestToolsAreInTheModuleByDefault(t *testing.T) {
	module := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(module, "a", "b"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(module, "go.mod"), nil, 0o600))
	t.Chdir(filepath.Join(module, "a", "b"))
	t.Setenv(toolsEnv, "")
	dir, err := toolsDir()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(module, "bin"), dir)
}
