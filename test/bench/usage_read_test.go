package bench

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStatOfAProcessIsRead(t *testing.T) {
	got, err := parseStat("42 (a) b) S 7 42 42 0 -1 4194304 100 200 0 0 3 4 50 600 20 0 1 0 100 99999 25 18446744073709551615 1")
	require.NoError(t, err)
	require.Equal(t, process{42, 7, "a) b", 6570 * time.Millisecond, 25 * int64(os.Getpagesize())}, got)
	for _, bad := range []string{"", "42", "42 (a) S 1", "42 (a) S x 42 42 0 -1 4194304 100 200 0 0 3 4 50 600 20 0 1 0 100 99999 25 1 1", "(a)"} {
		_, err := parseStat(bad)
		require.ErrorContains(t, err, "stat of a process")
	}
}

func TestMemoryIsThatOfAllThatAProcessRuns(t *testing.T) {
	all := []process{
		{pid: 1, name: "init", memory: 1}, {pid: 5, parent: 1, name: "bench", memory: 10}, {pid: 9, parent: 7, name: "xz", memory: 100},
		{pid: 7, parent: 5, name: "buildkitd", memory: 1000}, {pid: 8, parent: 5, name: "bench", memory: 10000}, {pid: 3, parent: 1, name: "other", memory: 7},
		{pid: 11, parent: 9, name: "lambda-frontend", memory: 100000},
	}
	require.Equal(t, memory{101100, 100000, 1000}, memoryBelow(5, all))
	require.Zero(t, memoryBelow(11, all))
	require.EqualValues(t, 3<<20, proportional("00400000-7ff [rollup]\nRss:            9216 kB\nPss:            3072 kB\nPss_Dirty:      1024 kB\n"))
	require.Zero(t, proportional(""))
}
