package sandbox

import (
	"fmt"
	"os/exec"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"
)

// Client is a connection that is closed with the test.
func (d *Daemon) Client(t testing.TB) *client.Client {
	t.Helper()
	c, err := client.New(t.Context(), d.Addr)
	require.NoError(t, err, "client of buildkitd")
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Prune empties the cache. What a build that has just ended used is let go a moment later, so it may take some turns.
func (d *Daemon) Prune(t testing.TB) {
	t.Helper()
	require.Empty(t, d.Leaked(t), "records of the cache")
}

// Leaked prunes the cache, and returns what is still in it when all that was built is long over, each as a text.
func (d *Daemon) Leaked(t testing.TB) (records []string) {
	t.Helper()
	c := d.Client(t)
	var left []*client.UsageInfo
	var err error
	reached(func() bool {
		if err = c.Prune(t.Context(), nil, client.PruneAll); err == nil {
			left, err = c.DiskUsage(t.Context())
		}
		return err == nil && len(left) == 0
	})
	require.NoError(t, err, "prune")
	for _, u := range left {
		records = append(records, fmt.Sprintf("%+v", *u))
	}
	return records
}

// Buildctl runs the command of that name against the daemon; output has stdout and stderr.
func (d *Daemon) Buildctl(t testing.TB, args ...string) (output string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), Tool(t, "buildctl"), append([]string{"--addr=" + d.Addr}, args...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
