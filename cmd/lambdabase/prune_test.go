package main

import (
	"testing"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

func TestAPruneWithoutRoomSaysWhatNeedsNone(t *testing.T) {
	full := errors.New("write /cache/metadata_v2.db: no space left on device")
	require.EqualError(t, (&backend{}).withRoomHint(full),
		full.Error()+": there is no room to write down what is removed: lambdabase prune --all removes the whole cache without")
	require.Equal(t, full, (&backend{discarding: true}).withRoomHint(full), "it is what was done")
	require.Equal(t, full, (&backend{addr: "unix://x"}).withRoomHint(full), "a daemon's disk")
	require.EqualError(t, (&backend{}).withRoomHint(errors.New("other")), "other")
	require.NoError(t, (&backend{}).withRoomHint(nil))
}
