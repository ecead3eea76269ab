package embedded

import (
	"context"
	"fmt"
	"regexp"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSecondProcessWaitsAndSaysForWhom(t *testing.T) {
	needRoot(t)
	root := t.TempDir()
	first := startJob(t, job{Root: root}, nil)
	first.waitOutput(t, "started")
	second := startJob(t, job{Root: root}, nil)
	second.waitOutput(t, "waiting for")
	require.Regexp(t, regexp.MustCompile(fmt.Sprintf(`waiting for process %d \(exe build nodejs20.x\), since \d\d:\d\d:\d\d\n`,
		first.cmd.Process.Pid)), second.out.String())
	require.NotContains(t, second.out.String(), "started")

	first.signal(t, syscall.SIGTERM)
	require.Equal(t, 130, first.exitCode())
	second.waitOutput(t, "started")
}

func TestKilledHolderGivesTheRootBack(t *testing.T) {
	needRoot(t)
	root := t.TempDir()
	first := startJob(t, job{Root: root}, nil)
	first.waitOutput(t, "started")
	first.signal(t, syscall.SIGKILL)
	second := startJob(t, job{Root: root}, nil)
	second.waitOutput(t, "started")
}

func TestEndOfContextEndsTheWait(t *testing.T) {
	needRoot(t)
	root := t.TempDir()
	first := startJob(t, job{Root: root}, nil)
	first.waitOutput(t, "started")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := Start(ctx, Options{Root: root, OnWait: func(string) { cancel() }})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, fmt.Sprintf("%s is held by process %d (", root, first.cmd.Process.Pid))
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
