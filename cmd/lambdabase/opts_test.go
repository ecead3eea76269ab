package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// usageOf runs a command line that makes no sense, and returns what is said of it.
func usageOf(t *testing.T, args ...string) string {
	t.Helper()
	c := newRoot()
	c.SetArgs(args)
	c.SetOut(io.Discard)
	c.SetErr(io.Discard)
	err := c.ExecuteContext(t.Context())
	var usage *usageError
	require.True(t, errors.As(err, &usage), "%q: %v", args, err)
	return err.Error()
}

func TestACommandLineThatMeansNothingIsNotTakenInSilence(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "Dockerfile")
	require.NoError(t, os.WriteFile(file, []byte("FROM scratch\n"), 0o600))
	t.Setenv("VARIABLE", "x")
	for _, tc := range []struct {
		want string
		args []string
	}{
		{"--file .: it is a folder: name the Dockerfile in it, and the build context behind it", []string{"-f", "."}},
		{"--file /: it is a folder", []string{"-f", "/", dir}},
		{"--file " + dir + ": it is a folder", []string{"-f", dir}},
		{`--output : want a file, or type=...`, []string{"nodejs20.x", "-o", ""}},
		{"--output type=oci,dest=: dest has no value", []string{"nodejs20.x", "-o", "type=oci,dest="}},
		{`--output type=oci,=x: "=x" is no key=value`, []string{"nodejs20.x", "-o", "type=oci,=x"}},
		{"--secret: id a: / is a folder", []string{"nodejs20.x", "--secret", "id=a,src=/"}},
		{"--secret: id /: / is a folder", []string{"nodejs20.x", "--secret", "id=/"}},
		{"--secret: src has no value", []string{"nodejs20.x", "--secret", "id=a,src="}},
		{"--secret: env has no value", []string{"nodejs20.x", "--secret", "id=a,env="}},
		{`--secret: want id=NAME with env=VARIABLE or src=FILE`, []string{"nodejs20.x", "--secret", "a"}},
		{`--secret: type "x", want env or file`, []string{"nodejs20.x", "--secret", "type=x,id=a,env=VARIABLE"}},
		{"--secret: give env or src, not both", []string{"nodejs20.x", "--secret", "id=a,env=VARIABLE,src=/dev/null"}},
		{`--label "=x" has no name`, []string{"nodejs20.x", "--label", "=x"}},
		{`--label "" has no name`, []string{"nodejs20.x", "--label", ""}},
		{`--build-arg "=x" has no name`, []string{"-f", file, "--build-arg", "=x"}},
		{"--opt =x has no name", []string{"nodejs20.x", "--opt", "=x"}},
		{"--opt build-arg:=x has no name", []string{"nodejs20.x", "--opt", "build-arg:=x"}},
		{"--opt runtime=...: name the runtime as an argument", []string{"nodejs20.x", "--opt", "runtime=zz"}},
		{"--opt runtime=...: name the runtime as an argument", []string{"-f", file, "--opt", "runtime=zz"}},
		{"--opt layers=... and --layers disagree", []string{"nodejs20.x", "--opt", "layers=chain", "--layers", "merge"}},
		{"--opt platform=... and --platform disagree", []string{"nodejs20.x", "--opt", "platform=linux/arm64", "--platform", "linux/amd64"}},
		{"--opt target=... and --target disagree", []string{"-f", file, "--opt", "target=a", "--target", "b"}},
		{"--opt filename=... and --file name a Dockerfile", []string{"-f", file, "--opt", "filename=a"}},
		{"--opt label:a=... and --label disagree", []string{"nodejs20.x", "--opt", "label:a=1", "--label", "a=2"}},
		{"--opt build-arg:a=... and --build-arg disagree", []string{"-f", file, "--opt", "build-arg:a=1", "--build-arg", "a=2"}},
		{`--tag: image name ""`, []string{"nodejs20.x", "-t", ""}},
	} {
		require.Contains(t, usageOf(t, append([]string{"build"}, tc.args...)...), tc.want)
	}
	require.Contains(t, usageOf(t, "plan", "nodejs20.x", "--opt", "runtime=zz"), "name the runtime as an argument")
}

func TestABuildArgumentOfTheEnvironmentIsNoneWhereThatHasNone(t *testing.T) {
	t.Setenv("GIVEN", "")
	b := &buildCommand{args: []string{"GIVEN", "NOT_GIVEN", "A=b=c"}}
	attrs, err := b.dockerfileAttrs()
	require.NoError(t, err)
	require.Equal(t, map[string]string{"build-arg:GIVEN": "", "build-arg:A": "b=c"}, attrs)
}
