package test

import (
	"os"
	"strings"
	"testing"

	"lambdabase/internal/sample"
	"lambdabase/test/fstree"
	"lambdabase/test/sandbox"

	"github.com/stretchr/testify/require"
)

// oldDaemons are the versions of BuildKit in bin/buildkitd-<version>, brought by make test-full.
const oldDaemons = "LAMBDABASE_BUILDKITS"

func TestOlderDaemonsGiveTheSameLayers(t *testing.T) {
	versions := strings.Fields(os.Getenv(oldDaemons))
	if len(versions) == 0 {
		t.Skipf("no versions in %s: make test-full builds them", oldDaemons)
	}
	h := upstream(t, "nodejs20.x", "go1.x")
	now := sandbox.Start(t)
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			d := sandbox.Start(t, sandbox.WithBinary(sandbox.Tool(t, "buildkitd-"+version)))
			frontend, _ := frontendImage(t, now)
			for _, runtime := range []string{"nodejs20.x", "go1.x"} {
				for _, layers := range []string{"auto", "chain"} {
					req := h.request(runtime, "layers", layers, "source", frontend)
					want := oneImage(t, now, req)
					req.Func, req.Frontend = nil, "gateway.v0"
					got := oneImage(t, d, req)
					require.Equal(t, diffIDs(want), diffIDs(got))
					require.Equal(t, configOf(t, want), configOf(t, got))
					wantTree, err := want.Tree()
					require.NoError(t, err)
					gotTree, err := got.Tree()
					require.NoError(t, err)
					require.Empty(t, fstree.Diff(wantTree, gotTree))
				}
			}
			req := h.byImage(frontend, "go1.x")
			want := oneImage(t, now, req)
			h.Reset()
			got := oneImage(t, d, req)
			require.Equal(t, diffIDs(want), diffIDs(got))
			require.NotZero(t, h.Total(sample.Batch))
			h.Inject(sample.Target{Kind: sample.Batch}, sample.Message(404, "not here"))
			_, err := d.Solve(t.Context(), t, h.byImage(frontend, "nodejs20.x"))
			require.ErrorContains(t, err, "5 objects failed: not found, or private (404", "one it has from the other runtime")
			h.Heal()
			_, err = d.Solve(t.Context(), t, sandbox.Request{Frontend: "gateway.v0", Attrs: h.options("nodejs21.x", "source", frontend)})
			require.ErrorContains(t, err, "did you mean nodejs24.x")
			_, err = d.Solve(t.Context(), t, sandbox.Request{Frontend: "gateway.v0", Attrs: h.options("go1.x", "source", frontend, "objects", h.url+"/nowhere/{oid}", "no-cache", "")})
			require.ErrorContains(t, err, "5 objects failed")
		})
	}
}

func TestOlderDaemonsWithoutXZSaySo(t *testing.T) {
	versions := strings.Fields(os.Getenv(oldDaemons))
	if len(versions) == 0 {
		t.Skipf("no versions in %s: make test-full builds them", oldDaemons)
	}
	h := upstream(t, "go1.x")
	for _, version := range versions {
		d := sandbox.Start(t, sandbox.WithBinary(sandbox.Tool(t, "buildkitd-"+version)),
			sandbox.WithPath(sandbox.PathOf(t, "git", "sed", "uname", "basename", "sh")))
		for _, layers := range []string{"auto", "chain"} {
			_, err := d.Solve(t.Context(), t, h.request("go1.x", "layers", layers))
			require.ErrorContains(t, err, "the BuildKit daemon has no xz", "%s copies the archive and says nothing", version)
		}
	}
}

func diffIDs(image sandbox.Image) (ids []string) {
	for _, l := range image.Layers {
		ids = append(ids, l.DiffID.String())
	}
	return ids
}
