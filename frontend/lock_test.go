package frontend

import (
	"testing"

	"lambdabase/frontend/subrequests/lock"
	"lambdabase/internal/document"

	"github.com/stretchr/testify/require"
)

// lockText is the lock file that the frontend makes.
func lockText(t *testing.T, opts map[string]string) string {
	t.Helper()
	s := newStub(opts)
	s.opts["requestid"] = lock.Name
	return string(built(t, s).Metadata["result.json"])
}

func TestALockIsOfAnArchitectureInAllItsVariants(t *testing.T) {
	text := lockText(t, map[string]string{"platform": "linux/amd64/v2,linux/amd64"})
	l, err := document.ParseLock("lock", []byte(text))
	require.NoError(t, err)
	require.Equal(t, []string{"linux/amd64"}, l.Snapshots[0].PlatformNames())
	for _, platform := range []string{"linux/amd64", "linux/amd64/v2"} {
		s := newStub(map[string]string{"platform": platform})
		s.lock = text
		built(t, s)
		require.Empty(t, s.resolved, "no git server is asked")
	}
	s := newStub(map[string]string{"platform": "windows/amd64"})
	s.lock = text
	require.ErrorContains(t, buildError(t, s), "lambda.lock.json has no platform windows/amd64 of runtime nodejs20.x, it has linux/amd64")
}

func TestALockNamesTheRepositoryAsEverybodyDoes(t *testing.T) {
	s := newStub(map[string]string{"requestid": lock.Name})
	f := Frontend{Session: Session{Remote: func(string) (string, error) { return "https://git.example/mine.git", nil }}}
	res, err := f.Build(t.Context(), s)
	require.NoError(t, err)
	require.Contains(t, s.resolved[0], "git.example/mine.git")
	l, err := document.ParseLock("lock", res.Metadata["result.json"])
	require.NoError(t, err)
	require.Equal(t, Upstream, l.Snapshots[0].Repository, "and not as this user's git does")
}
