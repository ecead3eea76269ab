package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lambdabase/internal/document"
	"lambdabase/internal/lfs"
	"lambdabase/internal/lfs/transfer"
	"lambdabase/internal/mirror/store"

	"github.com/stretchr/testify/require"
)

func TestTimeLeftIsToldOnceItIsKnown(t *testing.T) {
	for want, tc := range map[string]struct {
		moved, total int64
		elapsed      time.Duration
	}{
		"":                        {0, 100, time.Minute},
		", 1MB/s, 1m30s left":     {10e6, 100e6, 10 * time.Second},
		", 99MB/s, 1s left":       {99e6, 100e6, time.Second},
		", 1kB/s, 27h46m39s left": {1e3, 100e6, time.Second},
	} {
		require.Equal(t, want, timeLeft(tc.moved, tc.total, tc.elapsed))
	}
	require.Empty(t, timeLeft(100, 100, time.Minute))
	require.Empty(t, timeLeft(10, 100, time.Millisecond))
}

func TestProgressIsALineForEachObject(t *testing.T) {
	var text strings.Builder
	p := newMirrorProgress(&text, plainLines, 2)
	first, second := lfs.Object{Pointer: lfs.Pointer{OID: "1", Size: 1000}, Path: "a.tar.xz"}, lfs.Object{Pointer: lfs.Pointer{OID: "2", Size: 3000}, Path: "b\x1b[2J.tar.xz"}
	p.Plan([]lfs.Object{first, second})
	p.downloaded(transfer.Progress{Object: second, Bytes: 2000})
	p.downloaded(transfer.Progress{Object: first, Bytes: 1000})
	p.Bytes(first, 700)
	p.Bytes(first, -700)
	p.Bytes(first, 1000)
	p.Arrived(first, true)
	p.Arrived(second, false)
	p.end()
	lines := strings.Split(text.String(), "\n")
	require.Equal(t, "a.tar.xz (1kB): 1 of 2 objects, 2kB of 4kB", lines[0], "both ways of the first, and a half of one of the second")
	require.Contains(t, lines[1], "(3kB), which the registry had elsewhere: 2 of 2 objects, 4kB of 4kB")
	require.NotContains(t, text.String(), "\x1b")

	text.Reset()
	p = newMirrorProgress(&text, liveProgress, 1)
	p.Plan([]lfs.Object{first})
	p.printLine("a warning")
	p.end()
	p.end()
	require.True(t, strings.HasSuffix(text.String(), "\r\x1b[K"), "the line is taken away")
	require.Contains(t, text.String(), "\r\x1b[Ka warning\n")
}

func TestWhatIsNotMirroredIsAnError(t *testing.T) {
	good, bad := store.Result{}, store.Result{Err: errors.New("nodejs20.x: x: corrupted")}
	require.NoError(t, notMirrored(nil, []store.Result{good}))
	require.EqualError(t, notMirrored(nil, []store.Result{good, bad}), "nodejs20.x: x: corrupted")
	require.EqualError(t, notMirrored(nil, []store.Result{bad, good, bad}), "2 of 3 snapshots aren't mirrored:\n- nodejs20.x: x: corrupted\n- nodejs20.x: x: corrupted")
}

func TestPlatformsOfAMirrorAreSelected(t *testing.T) {
	s := lockedSnapshot("a", "1")
	s.Platforms = append(s.Platforms, document.Platform{Name: "linux/arm64"})
	snapshot, err := store.NewSnapshot(s)
	require.NoError(t, err)
	wanted := []store.Wanted{{Snapshot: snapshot, Latest: store.LatestAlways}}
	for _, tc := range []struct {
		platforms []string
		all       bool
		want      []string
		err       string
	}{
		{nil, false, []string{"linux/amd64", "linux/arm64"}, ""},
		{[]string{"linux/arm64/v8"}, false, []string{"linux/arm64"}, ""},
		{[]string{"linux/arm64", "linux/s390x"}, false, nil, "runtime nodejs20.x has no platform linux/arm64, linux/s390x, it has linux/amd64, linux/arm64"},
		{[]string{"linux/arm64", "linux/s390x"}, true, []string{"linux/arm64"}, ""},
		{[]string{"linux/s390x"}, true, nil, ""},
	} {
		m := &mirrorCommand{all: tc.all}
		m.platforms = tc.platforms
		selected, err := m.selectPlatforms(wanted)
		if tc.err != "" {
			require.EqualError(t, err, tc.err)
			continue
		}
		require.NoError(t, err)
		if tc.want == nil {
			require.Empty(t, selected)
			continue
		}
		require.Equal(t, tc.want, selected[0].PlatformNames())
		require.Equal(t, []string{"linux/amd64", "linux/arm64"}, snapshot.PlatformNames(), "which stays as it is")
	}
}
