package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// make lint is green only where gofmt has looked at every file, wherever gofmt is.
func TestLintFailsWhereGofmtDoes(t *testing.T) {
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	makefile, err := filepath.Abs("../Makefile")
	require.NoError(t, err)
	const formatted = "package a\n"
	for name, tc := range map[string]struct{ goroot, file, want string }{
		"formatted":   {strings.TrimSpace(string(goroot)), formatted, ""},
		"unformatted": {strings.TrimSpace(string(goroot)), "package  a\n", "run gofmt -w on these"},
		"no Go":       {strings.TrimSpace(string(goroot)), "x", "expected 'package'"},
		"no gofmt":    {"/nonexistent", formatted, "/nonexistent/bin/gofmt"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, content := range map[string]string{
				"a.go": tc.file, "go": "#!/bin/sh\n[ \"$1\" != env ] || echo " + tc.goroot + "\n", "bin/golangci-lint": "#!/bin/sh\n",
			} {
				require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(content), 0o755))
			}
			cmd := exec.CommandContext(t.Context(), "make", "-C", dir, "-f", makefile, "--old-file=setup/lint", "lint", "GO="+filepath.Join(dir, "go"))
			cmd.Env = append(os.Environ(), "PATH=/usr/bin:/bin")
			out, err := cmd.CombinedOutput()
			require.Equal(t, tc.want == "", err == nil, string(out))
			require.Contains(t, string(out), tc.want)
		})
	}
}

// Whoever types a target knows beforehand how long it takes.
func TestHelpTellsTheTimeOfEachTarget(t *testing.T) {
	out, err := exec.Command("make", "-s", "-C", "..", "help").Output()
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	require.Greater(t, len(lines), 10)
	for _, line := range lines {
		require.Regexp(t, `^[a-z/-]+ +\S.* \((at once|.*(second|minute|hour)s?.*)\)$`, line)
	}
}
