package test

import (
	"context"
	"strings"
	"testing"

	"lambdabase/test/sandbox"

	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/stretchr/testify/require"
)

// A client whose session is gone while its build stays: what it has begun fails for everybody who shares it.
func TestAClientThatHangsHoldsNobodysSteps(t *testing.T) {
	t.Parallel()
	d := sandbox.Start(t)
	image, _ := frontendImage(t, d)
	h := serveUnique(t)
	req := h.byStep(image, "nodejs20.x", "lock", "none") // which would be the first to miss the session

	ctx, leave := context.WithCancel(t.Context())
	held, left := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		hang(ctx, t, d, req, held)
	}()
	t.Cleanup(func() { leave(); <-left })
	select {
	case <-held:
	case <-left:
		t.Fatal("the client that hangs has ended")
	}
	result, err := d.Solve(t.Context(), t, req)
	require.NoError(t, err)
	require.Contains(t, result.Progress, "no active session", "it has met it")
	require.Len(t, h.Counts(), 1)
}

// hang builds without a session, and closes held when a step has failed of it.
func hang(ctx context.Context, t *testing.T, d *sandbox.Daemon, req sandbox.Request, held chan struct{}) {
	c, err := client.New(ctx, d.Addr)
	if err != nil {
		return
	}
	defer c.Close()
	s, err := session.NewSession(ctx, "hang")
	if err != nil {
		return
	}
	go func() { _ = s.Run(ctx, c.Dialer()) }()
	statuses := make(chan *client.SolveStatus)
	go watchFor(statuses, "no active session", held)
	_, _ = c.Build(ctx, client.SolveOpt{FrontendAttrs: req.Attrs, SharedSession: s, SessionPreInitialized: true}, "",
		func(ctx context.Context, gw gateway.Client) (*gateway.Result, error) {
			s.Close()
			go func() { _, _ = req.Func(ctx, gw) }()
			<-ctx.Done()
			return nil, ctx.Err()
		}, statuses)
}

// watchFor closes found when a step has failed with a text.
func watchFor(statuses chan *client.SolveStatus, text string, found chan struct{}) {
	for status := range statuses {
		for _, v := range status.Vertexes {
			if found != nil && strings.Contains(v.Error, text) {
				close(found)
				found = nil
			}
		}
	}
}
