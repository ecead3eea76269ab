package embedded

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"lambdabase/internal/isolate"

	"github.com/pkg/errors"
)

// disablePrograms are switches of moby/go-archive and containerd: gzip is unpacked in the process, whatever else there is.
var disablePrograms = []string{"MOBY_DISABLE_PIGZ", "CONTAINERD_DISABLE_PIGZ", "CONTAINERD_DISABLE_IGZIP"}

// wrapXZ puts a dir before the others in PATH, in which xz is run in an environment of its own, and returns what takes it out
// again. BuildKit runs it in that of the process, where XZ_DEFAULTS and the like change what it does, and has no option for
// it (to git it gives an environment of its own). The process keeps that of the user, for secrets and credentials.
func wrapXZ(dir string) (restore func() error, err error) {
	for _, name := range disablePrograms {
		if err := os.Setenv(name, "1"); err != nil {
			return nil, errors.WithStack(err)
		}
	}
	xz, err := isolate.LookPath("xz")
	if err != nil {
		return func() error { return nil }, nil // to be told when it is needed
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errors.WithStack(err)
	}
	if err := wrapProgram(filepath.Join(dir, "xz"), xz); err != nil {
		return nil, err
	}
	return func() error {
		rest := slices.DeleteFunc(filepath.SplitList(os.Getenv("PATH")), func(d string) bool { return d == dir })
		return os.Setenv("PATH", strings.Join(rest, string(filepath.ListSeparator)))
	}, errors.WithStack(os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH")))
}

// wrapProgram makes a script that runs a program, with these arguments before those that it is given, in an environment of
// PATH and a language only.
func wrapProgram(script, program string, args ...string) error {
	env, err := findEnv()
	if err != nil {
		return err
	}
	words := append([]string{env, "-i", "PATH=" + os.Getenv("PATH"), "LC_ALL=C", program}, args...)
	for i, word := range words {
		words[i] = quote(word)
	}
	text := fmt.Sprintf("#!/bin/sh\nexec %s \"$@\"\n", strings.Join(words, " "))
	return errors.WithStack(os.WriteFile(script, []byte(text), 0o700))
}

// findEnv returns the path of env, which is everywhere, though PATH may name other folders only.
func findEnv() (string, error) {
	for _, file := range []string{"/usr/bin/env", "/bin/env"} {
		if _, err := exec.LookPath(file); err == nil {
			return file, nil
		}
	}
	path, err := isolate.LookPath("env")
	return path, errors.Wrap(err, "environment of programs")
}

// quote returns a word of a shell.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
