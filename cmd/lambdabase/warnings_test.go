package main

import (
	"strings"
	"testing"

	"lambdabase/frontend"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"
)

func TestWhatIsAskedForAndHasNoEffectIsSaidInQuietToo(t *testing.T) {
	var w warnings
	for range 2 {
		w.add(&client.VertexWarning{Level: 1, Short: []byte("old")})
		w.add(&client.VertexWarning{Level: frontend.LevelUnmet, Short: []byte("exclude: none")})
	}
	for progress, want := range map[string]string{
		"auto": "warning: old\nwarning: exclude: none\n", "plain": "warning: old\nwarning: exclude: none\n", "quiet": "warning: exclude: none\n", "rawjson": "",
	} {
		var text strings.Builder
		w.print(&text, progress)
		require.Equal(t, want, text.String(), progress)
	}
}
