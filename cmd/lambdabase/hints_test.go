package main

import (
	"os"
	"testing"

	"lambdabase/test/readme"

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

func TestAStepThatLacksASecretIsToldTheFlagThatNamesIt(t *testing.T) {
	require.NoError(t, withFlagHint(nil))
	secret := withFlagHint(errors.New("secret TOKEN: not found"))
	require.EqualError(t, secret, "secret TOKEN: not found: name it with --secret id=TOKEN,env=VARIABLE (or src=FILE)")
	readme.Explains(t, secret.Error(), "name it with --secret id=...")
	agent := withFlagHint(errors.New("no SSH key \"default\" forwarded from the client"))
	require.ErrorContains(t, agent, "from the client: name it with --ssh default")
	readme.Explains(t, agent.Error(), "--ssh default")
}
