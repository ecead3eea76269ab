package test

import (
	"testing"

	"lambdabase/test/compat"
	"lambdabase/test/fstree"

	"github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/stretchr/testify/require"
)

// parityOfOlder are the cases of TestParityOfFeatures that older daemons build too: one or two of each kind.
var parityOfOlder = []string{
	"add/archive", "add/heredoc", "add/url", "arg/several-on-a-line", "config/labels", "config/healthcheck", "copy/chown", "copy/link",
	"copy/parents", "dockerignore/patterns", "env/expansions", "from/an-image", "from/several-stages", "mount/bind", "mount/cache",
	"mount/secret-as-a-file", "mount/ssh", "onbuild/triggers-run", "options/named-context-image", "options/remote-context-git",
	"options/several-platforms", "run/heredoc", "run/network-none", "syntax/escape-directive", "warnings/of-every-kind",
}

// tryParity builds with ours, and with BuildKit's own frontend of the same version: what a daemon can't, neither can.
func tryParity(t *testing.T, tr trial) compat.Verdict {
	p := newParity(t)
	p.Daemon = tr.start(t, needs{hub: p.hub})
	for _, name := range parityOfOlder {
		c := p.read(t, "features/"+name)
		c.official.Frontend, c.official.Func = "", builder.Build
		if !tr.images {
			p.requireSameFiles(t, name, c)
			continue
		}
		want, got := p.build(t, c.official), p.build(t, c.ours)
		if !want.isLike(got) {
			want, got = p.build(t, c.official), p.build(t, c.ours)
		}
		require.NoError(t, want.err, name)
		require.NoError(t, got.err, name)
		require.Equal(t, want.steps, got.steps, name)
		require.Equal(t, want.warnings, got.warnings, name)
		requireEqualImages(t, c, want.images, got.images)
	}
	return compat.Yes()
}

// requireSameFiles is for a daemon that exports no OCI image.
func (p *parity) requireSameFiles(t *testing.T, name string, c parityCase) {
	t.Helper()
	c.official.Attrs["force-network-mode"], c.ours.Attrs["force-network-mode"] = "none", "none" // of others it has the host's alone
	want, err := p.Tar(t, c.official)
	require.NoError(t, err, name)
	got, err := p.Tar(t, c.ours)
	require.NoError(t, err, name)
	require.Empty(t, fstree.Diff(want, got), name)
}
