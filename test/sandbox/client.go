package sandbox

import (
	"os/exec"
	"testing"
	"time"

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

// Leaked prunes the cache, and returns what is still in it when all that was built is long over.
func (d *Daemon) Leaked(t testing.TB) (records []*client.UsageInfo) {
	t.Helper()
	c := d.Client(t)
	for deadline := time.Now().Add(WaitTimeout); ; time.Sleep(tick) {
		err := c.Prune(t.Context(), nil, client.PruneAll)
		if err == nil {
			records, err = c.DiskUsage(t.Context())
		}
		switch {
		case err == nil && len(records) == 0:
			return nil
		case time.Now().After(deadline):
			require.NoError(t, err, "prune")
			return records
		}
	}
}

// Buildctl runs the command of that name against the daemon; output has stdout and stderr.
func (d *Daemon) Buildctl(t testing.TB, args ...string) (output string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), Tool(t, "buildctl"), append([]string{"--addr=" + d.Addr}, args...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
