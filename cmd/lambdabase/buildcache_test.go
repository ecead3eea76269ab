package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRefsOfCachesAreLookedAt(t *testing.T) {
	for _, ref := range []string{"REG/Upper:1", ""} {
		_, _, err := (&buildCommand{cacheTo: []string{"type=registry,ref=" + ref}}).parseCaches()
		require.ErrorContains(t, err, "cache type=registry: ref ")
		_, _, err = (&buildCommand{cacheFrom: []string{"type=registry,ref=" + ref}}).parseCaches()
		require.ErrorContains(t, err, "cache type=registry: ref ")
	}
	_, _, err := (&buildCommand{cacheFrom: []string{"reg.example/a:1", "type=local,src=x"}, cacheTo: []string{"type=inline"}}).parseCaches()
	require.NoError(t, err)
}
