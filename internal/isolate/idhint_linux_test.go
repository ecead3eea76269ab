package isolate

import (
	"testing"

	"lambdabase/test/readme"

	"github.com/stretchr/testify/require"
)

// What a container has, only its maker can change.
func TestWhoLacksAnID(t *testing.T) {
	const own = "0 1000 1\n1 100000 65536\n"
	require.Empty(t, idHint("uid", 65536, own, true))
	require.Empty(t, idHint("uid", 65536, own, false))
	require.Regexp(t, `^the uid 70000, and you have 65536 subordinate ids: add the line 1000:\d+:65536 to /etc/subuid$`, idHint("uid", 70000, own, true))
	require.Equal(t, "the gid 70000, and this container has the ids below 65537: give it more, or build outside of it", idHint("gid", 70000, own, false))
	readme.Explains(t, idHint("uid", 70000, own, true), "and you have ... subordinate ids")
	readme.Explains(t, idHint("gid", 70000, own, false), "and this container has the ids below ...")
}
