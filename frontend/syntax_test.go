package frontend

import (
	"strings"
	"testing"

	"github.com/moby/buildkit/solver/errdefs"
	"github.com/stretchr/testify/require"
)

// withDockerfile is a request as the command makes it: nobody has handed over the line that names the frontend.
func withDockerfile(text string, opts map[string]string) *stub {
	s := newStub(opts)
	if opts["runtime"] == "" {
		delete(s.opts, "runtime")
	}
	s.layers[""] = stubRef{"Dockerfile": {data: text}} // what a local source gives
	return s
}

func TestTheSyntaxLineCountsWhoeverReadsIt(t *testing.T) {
	for name, tc := range map[string]struct {
		file  string
		opts  map[string]string
		chain bool
	}{
		"a line":                           {"# syntax=reg/lambda-frontend runtime=nodejs20.x layers=chain\nFROM scratch\n", nil, true},
		"a tag and a digest":               {"# syntax=reg:5000/a/lambda-frontend:1@sha256:" + strings.Repeat("a", 64) + " runtime=nodejs20.x layers=chain\n", nil, true},
		"another comment":                  {"// syntax=reg/lambda-frontend runtime=nodejs20.x layers=chain\n", nil, true},
		"after a first line":               {"#!/usr/bin/env x\n# escape=`\n# syntax=reg/lambda-frontend runtime=nodejs20.x layers=chain\n", nil, true},
		"an option wins":                   {"# syntax=reg/lambda-frontend runtime=nodejs20.x layers=chain\n", map[string]string{"layers": "merge"}, false},
		"a build argument wins":            {"# syntax=reg/lambda-frontend runtime=nodejs20.x layers=chain\n", map[string]string{"build-arg:LAMBDABASE_LAYERS": "merge"}, false},
		"BUILDKIT_SYNTAX":                  {"# syntax=reg/lambda-frontend nonsense=1\n", map[string]string{"build-arg:BUILDKIT_SYNTAX": " reg/lambda-frontend runtime=nodejs20.x layers=chain"}, true},
		"BUILDKIT_SYNTAX, and no file":     {"# syntax=reg/lambda-frontend nonsense=1\n", map[string]string{"runtime": "nodejs20.x", "build-arg:BUILDKIT_SYNTAX": "reg/lambda-frontend layers=chain"}, true},
		"an empty BUILDKIT_SYNTAX":         {"# syntax=reg/lambda-frontend runtime=nodejs20.x layers=chain\n", map[string]string{"build-arg:BUILDKIT_SYNTAX": ""}, true},
		"a line handed over wins":          {"# syntax=reg/lambda-frontend runtime=nodejs20.x layers=chain\n", map[string]string{"cmdline": "reg/lambda-frontend runtime=nodejs20.x"}, false},
		"no file where there is a runtime": {"# syntax=reg/lambda-frontend nonsense=1\n", map[string]string{"runtime": "nodejs20.x"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := withDockerfile(tc.file, tc.opts)
			built(t, s)
			require.Equal(t, tc.chain, !strings.Contains(last(s), "merge"), last(s))
			require.Empty(t, s.warned)
		})
	}
}

func TestABadSyntaxLineIsShown(t *testing.T) {
	for line, want := range map[string]string{
		"x nonsense=1 layers=chain":                   `Dockerfile:2: unknown key "nonsense" in the syntax line, want one of runtime`,
		"reg/lambda-frontend layers=chains":           "Dockerfile:2: invalid key layers in the syntax line",
		"reg/lambda-frontend ecr=a ecr=b":             "Dockerfile:2: key ecr stands twice in the syntax line",
		"reg/lambda-frontend repository=https://h/x?": "Dockerfile:2: invalid key repository in the syntax line",
	} {
		s := withDockerfile("# escape=`\n# syntax="+line+"\nFROM scratch\n", nil)
		err := buildError(t, s)
		require.ErrorContains(t, err, want)
		require.Len(t, errdefs.Sources(err), 1)
		require.EqualValues(t, 2, errdefs.Sources(err)[0].Ranges[0].Start.Line)
		require.Len(t, s.solved, 1, "nothing but the Dockerfile is asked for")
	}
	err := buildError(t, withDockerfile("FROM scratch\n", map[string]string{"build-arg:BUILDKIT_SYNTAX": "x nonsense=1"}))
	require.ErrorContains(t, err, `unknown key "nonsense"`)
	require.Empty(t, errdefs.Sources(err))
}

func TestALineThatNamesAnotherFrontendIsSaid(t *testing.T) {
	for line, want := range map[string]string{
		"docker/dockerfile:1":                           "the syntax line names docker/dockerfile:1, which is not run: lambdabase builds this itself",
		"mirror.example/docker/dockerfile-upstream x=1": "which is not run: lambdabase builds this itself, and leaves the keys alone",
		"reg.example:5000/other layers=chain":           "names reg.example:5000/other, which is not run: lambdabase builds this itself, and takes the keys for its own",
	} {
		s := withDockerfile("# syntax="+line+"\nFROM scratch\nCOPY Dockerfile /\n", nil)
		built(t, s)
		require.Len(t, s.warned, 1)
		require.Contains(t, s.warned[0], want)

		s = withDockerfile("FROM scratch\nCOPY Dockerfile /\n", map[string]string{"build-arg:BUILDKIT_SYNTAX": line})
		built(t, s)
		require.Contains(t, s.warned[0], "build argument BUILDKIT_SYNTAX names ")
	}
}
