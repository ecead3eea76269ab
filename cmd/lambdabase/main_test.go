package main

import (
	"os"
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
