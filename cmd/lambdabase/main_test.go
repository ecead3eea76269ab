package main

import (
	"testing"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

func TestErrorTextIsTheSameWhicheverCallOfTheClientTells(t *testing.T) {
	for _, client := range []string{"failed to solve", "failed to run Build function"} {
		err := errors.Wrap(errors.New("circular dependency detected on stage: a"), client)
		require.Equal(t, "circular dependency detected on stage: a", errorText(err))
	}
}
