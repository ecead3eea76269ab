package test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"testing"

	"lambdabase/test/sandbox"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/stretchr/testify/require"
)

// TestParityOfErrors builds broken Dockerfiles: they fail for the same reason, at the same place.
func TestParityOfErrors(t *testing.T) {
	t.Parallel()
	buildBoth(t, "errors", 18, func(t *testing.T, c parityCase, want, got built) {
		require.ErrorContains(t, want.err, c.fails)
		require.Error(t, got.err)
		require.Equal(t, message(want.err), message(got.err))
		require.Equal(t, errorSources(want.err), errorSources(got.err))
		require.Equal(t, withoutIgnoreFile(want.steps), withoutIgnoreFile(got.steps))
		require.Equal(t, want.warnings, got.warnings)
	})
}

// withoutIgnoreFile leaves a step out that begins beside the one that fails, of another platform: it may have begun by then or not.
func withoutIgnoreFile(steps []string) []string {
	return slices.DeleteFunc(slices.Clone(steps), func(s string) bool { return s == "[internal] load .dockerignore" })
}

// volatileText is what a message differs in by nature: the name of a folder in the cache, another one in every build;
// what the daemon loses of its own error on the way to every frontend that isn't in the daemon, docker/dockerfile too
// (util/grpcerrors of BuildKit v0.33.1); and which of the client's two calls of a build was told of its end first
// (client/solve.go there).
var volatileText = regexp.MustCompile(
	`^failed to (?:solve|run Build function): |\bref \w+::\w+|failed to resolve source metadata for \S+: `)

func message(err error) string { return volatileText.ReplaceAllString(err.Error(), "") }

// errorSources are what an error points at.
func errorSources(err error) (shown []string) {
	for _, s := range errdefs.Sources(err) {
		shown = append(shown, fmt.Sprintf("%s:%v of %q (%s)", s.Info.Filename, s.Ranges, s.Info.Data, s.Info.Language))
	}
	slices.Sort(shown) // BuildKit gives those of a circle in no order
	return shown
}

var stepRE = regexp.MustCompile(`(?m)^#\d+ (\[.+)$`)

// steps are the names of what was done.
func steps(result *sandbox.Result) (names []string) {
	for _, match := range stepRE.FindAllStringSubmatch(result.Progress, -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// warnings are those of a build in their whole, with their places.
func warnings(result *sandbox.Result) (shown []string) {
	for _, w := range result.Warnings {
		shown = append(shown, fmt.Sprintf("%d %s %s %s %s:%v", w.Level, w.Short, w.Detail, w.URL, w.SourceInfo.GetFilename(), w.Range))
	}
	slices.Sort(shown)
	return shown
}

// TestParityOfCalls compares what is answered in place of a build: check, outline, targets, convertllb.
func TestParityOfCalls(t *testing.T) {
	t.Parallel()
	p := newParity(t)
	for _, name := range parityNames(t, "calls") {
		for _, call := range []string{"frontend.lint", "frontend.outline", "frontend.targets", "frontend.convertllb"} {
			t.Run(name+" "+call, func(t *testing.T) {
				c := p.read(t, "calls/"+name)
				c.official.Attrs["requestid"] = call
				want, got := p.callBoth(t, c)
				require.NotEmpty(t, want)
				require.Equal(t, want, got)
			})
		}
	}
}

// callBoth asks both frontends in one session, whose name is in the definition of a context. A client doesn't see what
// is answered, only the function that asks does.
func (p *parity) callBoth(t *testing.T, c parityCase) (want, got map[string]string) {
	t.Helper()
	req := c.ours
	req.Func = func(ctx context.Context, gc gateway.Client) (*gateway.Result, error) {
		want = metadataOf(gc.Solve(ctx, gateway.SolveRequest{Frontend: "dockerfile.v0", FrontendOpt: gc.BuildOpts().Opts}))
		res, err := ours(ctx, gc)
		got = metadataOf(res, err)
		return res, err
	}
	_, _ = p.Solve(t.Context(), t, req) // an error is an answer too
	return want, got
}

func metadataOf(res *gateway.Result, err error) map[string]string {
	if err != nil {
		return map[string]string{"error": err.Error()}
	}
	m := map[string]string{}
	for key, dt := range res.Metadata {
		m[key] = string(dt)
	}
	return m
}
