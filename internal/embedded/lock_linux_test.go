package embedded

import (
	"context"
	"fmt"
	"syscall"
	"testing"

	"lambdabase/internal/isolate/isolatetest"

	"github.com/stretchr/testify/require"
)

func TestSecondProcessWaitsAndSaysForWhom(t *testing.T) {
	isolatetest.NeedRoot(t)
	root := t.TempDir()
	first := isolatetest.StartJob(t, job{Root: root}, nil)
	first.WaitOutput(t, "started")
	second := isolatetest.StartJob(t, job{Root: root}, nil)
	second.WaitOutput(t, "waiting for")
	require.Regexp(t, fmt.Sprintf(`waiting for process %d \(exe build nodejs20.x\), since \d\d:\d\d:\d\d\n`,
		first.Cmd.Process.Pid), second.Stdout.String())
	require.NotContains(t, second.Stdout.String(), "started")

	first.Signal(t, syscall.SIGTERM)
	require.Equal(t, 130, first.ExitCode())
	second.WaitOutput(t, "started")
}

func TestKilledHolderGivesTheRootBack(t *testing.T) {
	isolatetest.NeedRoot(t)
	root := t.TempDir()
	first := isolatetest.StartJob(t, job{Root: root}, nil)
	first.WaitOutput(t, "started")
	first.Signal(t, syscall.SIGKILL)
	second := isolatetest.StartJob(t, job{Root: root}, nil)
	second.WaitOutput(t, "started")
}

func TestEndOfContextEndsTheWait(t *testing.T) {
	isolatetest.NeedRoot(t)
	root := t.TempDir()
	first := isolatetest.StartJob(t, job{Root: root}, nil)
	first.WaitOutput(t, "started")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := Start(ctx, Options{Root: root, OnWait: func(string) { cancel() }})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, fmt.Sprintf("%s is held by process %d (", root, first.Cmd.Process.Pid))
}

func TestValuesOfFlagsAreNotShown(t *testing.T) {
	for line, args := range map[string][]string{
		"lambdabase build nodejs20.x": {"/usr/bin/lambdabase", "build", "nodejs20.x", "--secret", "hidden"},
		"lambdabase":                  {"lambdabase", "-o", "hidden"},
		"lambdabase [1mbuild":         {"lambdabase", "\x1b[1mbuild"},
	} {
		require.Equal(t, line, commandLine(args))
	}
}
