package embedded

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lambdabase/internal/isolate/isolatetest"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

func TestParseStat(t *testing.T) {
	name, fields := parseStat("42 (a) b) S 1 40 3")
	require.Equal(t, "a) b", name)
	require.Equal(t, []int{0, 1, 40, 3}, fields)
	_, fields = parseStat("")
	require.Empty(t, fields)
}

// The silence of a server is seen while git waits for it.
func TestGitThatWaitsForAServer(t *testing.T) {
	isolatetest.NeedRoot(t, "git")
	const short, long = 100 * time.Millisecond, 700 * time.Millisecond
	speak := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for {
			select {
			case <-r.Context().Done():
				return
			case <-speak:
				_, _ = w.Write([]byte("x"))
				_ = http.NewResponseController(w).Flush()
			}
		}
	}))
	t.Cleanup(s.Close)
	host := strings.TrimPrefix(s.URL, "http://")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	bk := start(t, Options{Root: t.TempDir()})
	go func() {
		_, err := (&build{Git: s.URL}).run(ctx, bk)
		done <- err
	}()
	waitsFor := func(least time.Duration) func() bool {
		return func() bool { silent, _, known := GitActivity(host); return known && silent >= least }
	}
	require.Eventually(t, waitsFor(long), sandbox.WaitTimeout, short)
	_, worked, _ := GitActivity(host)
	require.Less(t, worked, 5*time.Second)
	_, _, known := GitActivity("other.example")
	require.False(t, known)
	speak <- struct{}{}
	require.Eventually(t, func() bool { return !waitsFor(long)() }, sandbox.WaitTimeout, time.Millisecond)
	require.Eventually(t, waitsFor(long), sandbox.WaitTimeout, short)
	cancel()
	require.Error(t, <-done)
	require.Eventually(t, func() bool { _, _, known := GitActivity(host); return !known }, sandbox.WaitTimeout, short)
}
