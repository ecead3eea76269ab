package frontend

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAChainNamesTheObjectThatDoesNotCome(t *testing.T) {
	s := newStub(map[string]string{"layers": "chain"})
	_, err := Frontend{FetchTimeout: 200 * time.Millisecond}.Build(context.Background(), &silentFor{stub: s, oid: stubOID("b")})
	require.ErrorContains(t, err, "fetch x86_64/b.tar.xz")
	require.ErrorContains(t, err, "no answer in time")
	require.NotContains(t, err.Error(), stubOID("a"), "it has come")
}

func TestAWarningOfAChainComesWithItsImage(t *testing.T) {
	conflict := func(s *stub) { s.layers[stubOID("b")]["etc"] = stubFile{mode: stubDir.mode &^ 0o055} }
	s := newStub(nil)
	conflict(s)
	built(t, s)
	require.Len(t, s.warned, 1)
	s = newStub(nil)
	conflict(s)
	s.chainFails = "no space left on device"
	require.ErrorContains(t, buildError(t, s), "is full")
	require.Empty(t, s.warned)
}
