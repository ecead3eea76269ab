package frontend

import (
	"context"
	"os"
	"strings"
	"testing"

	"lambdabase/frontend/subrequests/plan"
	"lambdabase/frontend/subrequests/runtimes"
	"lambdabase/internal/document"
	"lambdabase/internal/lfs"
	"lambdabase/llb/lambda2llb"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/errdefs"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

// escape is what a terminal obeys, or shows wrongly.
const escape = "\x1b[31m\u009b\u202e"

func requireSafe(t *testing.T, text string) {
	t.Helper()
	require.NotEmpty(t, text)
	for _, r := range escape {
		if r > '~' || r < ' ' {
			require.NotContains(t, text, string(r))
		}
	}
}

func TestNothingFromOutsideIsPrintedRaw(t *testing.T) {
	safe := func(t *testing.T, res *gateway.Result, err error) {
		require.NoError(t, err)
		requireSafe(t, string(res.Metadata["result.txt"]))
		requireSafe(t, string(res.Metadata["result.json"]))
		require.NotContains(t, string(res.Metadata["result.json"]), `\x`)
	}
	name := "a" + escape
	t.Run("plan", func(t *testing.T) {
		p := &lambda2llb.Plan{Recipe: lambda2llb.File{Path: name}, Repository: name, Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"},
			Layers: []lambda2llb.Layer{{Object: lfs.Object{Path: name}, Origin: lambda2llb.HTTPOrigin{Address: "https://h/" + name}}}}
		res, err := plan.Result(&document.Snapshot{Repository: name}, []*lambda2llb.Plan{p})
		safe(t, res, err)
		require.Contains(t, string(res.Metadata["result.txt"]), `"a\x1b[31m\u009b\u202e"`)
	})
	t.Run("runtimes", func(t *testing.T) {
		res, err := runtimes.List{{Name: name, Platforms: []string{name}}}.ToResult()
		safe(t, res, err)
	})
}

func TestNamesOnABranchAreQuotedInErrorsAndWarnings(t *testing.T) {
	s := newStub(nil)
	s.tree["x86_64/Dockerfile.nodejs20.x"] = stubFile{data: "FROM scratch\nADD \"a" + escape + ".tar.xz\" /\nRUN " + escape + "\n"}
	err := buildError(t, s)
	requireSafe(t, err.Error())
	for _, source := range errdefs.Sources(err) {
		requireSafe(t, string(source.Info.Data))
		require.Equal(t, 3, strings.Count(string(source.Info.Data), "\n"))
	}

	s = newStub(nil)
	for _, digit := range []string{"a", "b"} {
		s.layers[stubOID(digit)]["etc/"+escape] = stubFile{mode: os.ModeDir | 0o755}
	}
	s.layers[stubOID("b")]["etc/"+escape] = stubFile{mode: os.ModeDir | 0o700}
	built(t, s)
	require.Len(t, s.warned, 1)
	requireSafe(t, s.warned[0])
	require.Contains(t, s.warned[0], `\x1b[31m`)
}

func TestHistoryAndStepsNameFilesSafely(t *testing.T) {
	p := lambda2llb.Plan{Recipe: lambda2llb.File{Path: escape, Data: []byte("FROM scratch\n" + escape + "\n")}}
	p.Config.Config.WorkingDir = "/" + escape
	l := lambda2llb.Layer{Object: lfs.Object{Path: escape}, Origin: lambda2llb.ContextOrigin{State: llb.Scratch()}}
	p.Layers = []lambda2llb.Layer{l}
	for _, h := range p.ImageConfig(lambda2llb.RootFS{}).History {
		requireSafe(t, h.CreatedBy)
	}
	c := lambda2llb.NewConverter(p)
	def, err := c.Workdir(c.Chain([]lambda2llb.Attempt{{Layer: l}})).Marshal(context.Background())
	require.NoError(t, err)
	for _, m := range def.Metadata {
		requireSafe(t, m.Description["llb.customname"]+".")
	}
	for _, info := range def.Source.Infos {
		requireSafe(t, info.Filename+string(info.Data))
	}
}
