package main

import (
	"testing"

	"lambdabase/test/readme"

	"github.com/stretchr/testify/require"
)

func TestNamesThatCantBeAreFoundAtOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tc := range []struct {
		outputs, tags, runtimes []string
		want                    string
	}{
		{tags: []string{"reg.example:5000/a/b:1", "b"}, runtimes: []string{"x"}, outputs: []string{"a"}},
		{tags: []string{"base:{runtime}"}, runtimes: []string{"nodejs20.x", "java8.al2"}},
		{tags: []string{"REG/Upper:1"}, runtimes: []string{"x"}, outputs: []string{"a"}, want: `--tag: image name "REG/Upper:1": invalid reference format: repository name (Upper) must be lowercase`},
		{tags: []string{"REG/Upper:1"}, runtimes: []string{"x"}, outputs: []string{"type=local,dest=d"}, want: "must be lowercase"},
		{tags: []string{"a b"}, want: "invalid reference format"},
		{tags: []string{""}, want: "invalid reference format"},
		{tags: []string{"base:{runtime}"}, want: `--tag: a Dockerfile has no {runtime}: image name "base:": invalid reference format`},
		{tags: []string{"base:{runtime}"}, runtimes: []string{"a/b"}, want: `image name "base:a/b": invalid reference format`},
		{tags: []string{"a@sha256:" + sha}, runtimes: []string{"x"}, want: "the digest isn't known before the image is"},
		{outputs: []string{"type=oci,dest=a,name=B"}, want: "--output: image name \"B\": invalid reference format"},
		{outputs: []string{`type=docker,dest=a,"name=b,C"`}, want: "must be lowercase"},
		{outputs: []string{`type=docker,dest=a,"name=b,"`}, want: `image name "": invalid reference format`},
		{outputs: []string{"type=image,push=true"}, want: "an image is pushed under a name"},
		{outputs: []string{"type=image,push=true,name=a:1,push-by-digest=true"}, want: "push-by-digest goes with a name that has no tag"},
		{outputs: []string{"type=image,push=true,name=a,push-by-digest="}},
		{outputs: []string{"type=image,push=yes,name=a"}, want: "--output: push=yes, want true or false"},
	} {
		err := (&buildCommand{outputs: tc.outputs, tags: tc.tags}).checkOutputs(tc.runtimes)
		if tc.want == "" {
			require.NoError(t, err, "%s %s", tc.outputs, tc.tags)
		} else {
			require.ErrorContains(t, err, tc.want, "%s %s", tc.outputs, tc.tags)
		}
	}
}

func TestReadmeExplainsNamesOfImages(t *testing.T) {
	err := (&buildCommand{tags: []string{"REG/Upper:1"}}).checkOutputs([]string{"x"})
	require.Error(t, err)
	readme.Explains(t, err.Error(), "image name ...: invalid reference format")
	err = (&buildCommand{outputs: []string{"type=image,name=a"}}).checkOutputs([]string{"x"})
	require.Error(t, err)
	readme.Explains(t, err.Error(), "type=image is kept nowhere")
}

const sha = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestAnImageGoesSomewhere(t *testing.T) {
	for _, tc := range []struct{ output, addr, want string }{
		{"type=image,name=a", "", "type=image is kept nowhere here: push it (push=true, or --push), or write a file"},
		{"type=image,name=a,push=false", "", "type=image is kept nowhere here"},
		{"type=image,name=a,push=true", "", ""},
		{"type=image,name=a,push=", "", ""},
		{"type=image,name=a", "tcp://h", ""},
		{"type=image,name=a,store=false", "tcp://h", "goes nowhere"},
		{"type=image,name=a,store=false,push=1", "tcp://h", ""},
		{"type=image", "tcp://h", "an image is kept under a name"},
		{"type=image,dangling-name-prefix=a", "tcp://h", ""},
	} {
		b := &buildCommand{outputs: []string{tc.output}}
		b.addr = tc.addr
		err := b.checkOutputs([]string{"x"})
		if tc.want == "" {
			require.NoError(t, err, tc)
		} else {
			require.ErrorContains(t, err, tc.want, tc)
		}
	}
}
