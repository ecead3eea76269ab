package main

import (
	"os"
	"testing"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

func TestAFolderInPlaceOfARuntimeIsToldHowToBuildIt(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("app", 0o755))
	require.NoError(t, os.Mkdir("bare", 0o755))
	require.NoError(t, os.Mkdir("nodejs20.x", 0o755))
	require.NoError(t, os.WriteFile("app/Dockerfile", nil, 0o644))
	for name, want := range map[string]string{
		"./app":      "./app is a folder here: to build its Dockerfile, type lambdabase build -f app/Dockerfile ./app",
		"app/":       "type lambdabase build -f app/Dockerfile app/",
		".":          ". is a folder here: to build a Dockerfile, type lambdabase build -f DOCKERFILE .",
		"./bare":     "type lambdabase build -f DOCKERFILE ./bare",
		"app":        "", // may be a branch
		"nodejs20.x": "",
		"./nowhere":  "",
	} {
		err := checkNotPath(name)
		if want == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, want, name)
		}
	}

	missing := errors.New("no runtime app: https://h/r has no such branch")
	require.ErrorContains(t, withDockerfileHint(missing, []string{"app"}), "no such branch; app is a folder here: to build its Dockerfile, type lambdabase build -f app/Dockerfile app")
	require.ErrorIs(t, withDockerfileHint(missing, []string{"app"}), missing)
	require.Equal(t, missing, withDockerfileHint(missing, []string{"bare"}))
	missing = errors.New("no runtime app/Dockerfile: https://h/r has no such branch")
	require.ErrorContains(t, withDockerfileHint(missing, []string{"app/Dockerfile"}), "type lambdabase build -f app/Dockerfile app")
	require.NoError(t, withDockerfileHint(nil, []string{"app"}))
}
