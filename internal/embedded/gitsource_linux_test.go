package embedded

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lambdabase/internal/isolate/isolatetest"

	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
)

// Git repositories are looked through only where git may have left one by half.
func TestStateTellsWhetherGitWasDone(t *testing.T) {
	isolatetest.NeedRoot(t, "git")
	root := t.TempDir()
	url, _ := serveGit(t, 1)
	ctx, interrupt := context.WithCancel(t.Context())
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		interrupt()
		<-r.Context().Done()
	}))
	t.Cleanup(silent.Close)
	none := strings.Repeat("a", 40)
	for name, c := range map[string]struct {
		build       *build
		failed, git bool
	}{
		"all done":       {&build{Git: url}, false, false},
		"no such branch": {&build{Git: url, Commit: "other"}, true, false},
		"no such commit": {&build{Git: url, Commit: none}, true, true},
		"no archive":     {&build{Git: url, Server: url, Layers: []digest.Digest{digest.FromString("none")}}, true, false},
		"interrupted":    {&build{Git: silent.URL, Commit: none}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			bk := start(t, Options{Root: root})
			ctx := ctx
			if c.build.Git == url {
				ctx = t.Context()
			}
			_, err := c.build.run(ctx, bk)
			require.Equal(t, c.failed, err != nil, err)
			require.NoError(t, bk.Close())
			s := stateOf(t, root)
			require.Equal(t, []bool{c.failed, c.git}, []bool{s.Failed, s.gitFailed()})
		})
	}
}

// What BuildKit's Dockerfile frontend asks about a commit, no source fetches.
func TestAnObjectOfGitThatIsAskedForIsFetched(t *testing.T) {
	object := &gatewaypb.ResolveSourceMetaRequest{Git: &gatewaypb.ResolveSourceGitRequest{ReturnObject: true}}
	for name, c := range map[string]struct {
		req  any
		err  error
		want bool
	}{
		"done":          {object, nil, false},
		"failed":        {object, errors.New("no"), true},
		"without it":    {&gatewaypb.ResolveSourceMetaRequest{}, errors.New("no"), false},
		"anything else": {&gatewaypb.SolveRequest{}, errors.New("no"), false},
	} {
		t.Run(name, func(t *testing.T) {
			var o buildTracker
			_, err := o.intercept(t.Context(), c.req, nil, func(context.Context, any) (any, error) { return nil, c.err })
			require.Equal(t, c.err, err)
			require.Equal(t, c.want, o.pendingGit.Load() > 0)
		})
	}
}
