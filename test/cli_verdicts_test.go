package test

import (
	"path/filepath"
	"testing"
	"time"

	"lambdabase/internal/sample/faults"
	"lambdabase/internal/sample/githost"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// verdicts are what the command keeps of layers.
func (c *cli) verdicts(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(c.root, "verdicts", "*", "*", "*"))
	require.NoError(t, err)
	return found
}

func TestTheCommandKeepsThatLayersAreMerged(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	h := serveUpstream(t, "nodejs20.x")
	want := oneImage(t, d, h.request("nodejs20.x"))
	for name, by := range map[string]struct {
		args  []string
		prune func(*cli)
	}{
		"inside": {nil, func(c *cli) { c.mustRun(t, "prune", "--all") }},
		"daemon": {[]string{"--addr=" + d.Addr}, func(*cli) { d.Prune(t) }},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCLI(t)
			args := append(append(buildArgs(h, "nodejs20.x"), "-o", "image.tar"), by.args...)
			for range 2 {
				c.mustRun(t, args...)
				requireDigest(t, c.file("image.tar"), want)
				require.Len(t, c.verdicts(t), 1)
			}

			h.Reset()
			by.prune(c) // then what is known is not to be had
			defer h.ClearFaults()
			h.Inject(faults.Target{Kind: githost.Object}, faults.Fault{Delay: 2 * time.Second}) // longer than a cache may take
			s := c.run(t, args...)
			require.Zero(t, s.code, s.stderr)
			require.NotRegexp(t, "CANCELED|ERROR|unpacked one onto the other", s.stderr)
			require.Equal(t, 6, h.Total(githost.Object))
			requireDigest(t, c.file("image.tar"), want)
			require.Len(t, c.verdicts(t), 1)
		})
	}
}
