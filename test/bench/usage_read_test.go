package bench

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCPUTimeIsThatOfAProcessAndItsChildren(t *testing.T) {
	got, err := cpuTime("42 (a) b) S 1 42 42 0 -1 4194304 100 200 0 0 3 4 50 600 20 0 1 0 100 0 0")
	require.NoError(t, err)
	require.Equal(t, 6570*time.Millisecond, got)
	_, err = cpuTime("42 (a) S 1")
	require.ErrorContains(t, err, "malformed stat of a process")
	require.EqualValues(t, 12<<10, peakMemory("VmPeak:\t  99 kB\nVmHWM:\t  12 kB\n"))
}

func TestUsageIsReadOfAProcess(t *testing.T) {
	if _, err := os.Stat("/proc/self/clear_refs"); err != nil {
		t.Skip("no /proc as Linux has it")
	}
	u, err := usageOf(os.Getpid())
	require.NoError(t, err)
	require.Positive(t, u.memory)
}
