package main

import (
	"os"
	"strings"
	"testing"

	"lambdabase/internal/rpmdb"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	if rpmdb.RunChild() {
		return
	}
	os.Exit(m.Run())
}

func TestErrorTextIsTheSameWhicheverCallOfTheClientTells(t *testing.T) {
	for _, client := range []string{"failed to solve", "failed to run Build function"} {
		err := errors.Wrap(errors.New("circular dependency detected on stage: a"), client)
		require.Equal(t, "circular dependency detected on stage: a", errorText(err))
	}
}

func TestAValueOfKilobytesIsNotRepeatedWhole(t *testing.T) {
	long := strings.Repeat("a", 4<<10)
	for _, args := range [][]string{
		{"build", long}, {"build", "nodejs20.x", "--commit", long}, {"build", "nodejs20.x", "--layers", long}, {"build", "nodejs20.x", "--objects", long},
		{"build", "nodejs20.x", "--repository", long}, {"build", "nodejs20.x", "--repository", "https://" + long + ":" + long + "/"}, {"build", "nodejs20.x", "--exclude", long},
		{"build", "nodejs20.x", "--known-hosts", long}, {"build", "nodejs20.x", "--ecr", long},
		{"build", "nodejs20.x", "--platform", long}, {"build", "nodejs20.x", "-o", "type=" + long}, {"build", "nodejs20.x", "-t", "A" + long},
		{"build", "nodejs20.x", "--opt", "build-arg:LAMBDABASE_" + long + "=x"}, {"build", "nodejs20.x", "--secret", long + "=x"}, {"build", "nodejs20.x", "--progress", long},
	} {
		require.NotContains(t, errorText(errors.New(usageOf(t, args...))), long[:2<<10], args[:len(args)-1])
	}
}
