package main

import (
	"context"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"lambdabase/frontend"
	"lambdabase/internal/panics"

	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
)

// solve solves all targets at once. One that fails ends the others.
func (s *session) solve(cmdCtx context.Context, targets ...target) ([]*client.SolveResponse, error) {
	responses, eg := make([]*client.SolveResponse, len(targets)), panics.NewGroup()
	ctx, cancel := context.WithCancelCause(cmdCtx)
	defer cancel(nil)
	// All of them before the first begins: the display ends with the last that is known.
	var shown []chan *client.SolveStatus
	for _, t := range targets {
		shown = append(shown, s.progress.WithPrefix(t.name, t.name != "").Status())
	}
	verdicts := sync.OnceValue(func() frontend.Verdicts { return s.openVerdicts(ctx) })
	for i, t := range targets {
		eg.Go(func() (err error) {
			responses[i], err = s.solveOne(ctx, cancel, t, verdicts, shown[i])
			if err != nil {
				if t.name != "" {
					err = errors.Wrap(err, t.name)
				}
				cancel(err)
			}
			return err
		})
	}
	err := s.wait(cmdCtx, ctx, eg)
	s.warnings.print(os.Stderr, s.resolvedProgress())
	if err == nil {
		s.dropObjects()
	}
	if err != nil && context.Cause(ctx) != nil { // not one of those that were ended
		err = context.Cause(ctx)
	}
	return responses, s.wrapUnavailable(withFlagHint(err))
}

func (s *session) solveOne(ctx context.Context, cancel context.CancelCauseFunc, t target, verdicts func() frontend.Verdicts, shown chan *client.SolveStatus) (*client.SolveResponse, error) {
	statuses := make(chan *client.SolveStatus)
	go s.warnings.watch(statuses, shown)
	build := t.build(frontend.Frontend{Today: time.Now(), ObjectStore: s.store, Session: s.frontendSession(ctx), XZ: s.xzDiagnoser(), GitActivity: s.gitActivity(), OnObjectURL: s.objectSizes.Add, Verdicts: verdicts()})
	stores := s.contentStores()
	maps.Copy(stores, t.stores)
	files, exports := newExportReceiver(t.exports, t.markDirsWritten, cancel)
	return s.client.Build(files.withExports(ctx), client.SolveOpt{
		FrontendAttrs: t.attrs, LocalMounts: t.mounts,
		Exports: exports, CacheImports: t.cacheImports, CacheExports: t.cacheExports,
		Session:   append(slices.Clone(s.attachables), files),
		OCIStores: stores,
	}, "", func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		res, err := build(ctx, c)
		if err == nil && t.onResult != nil {
			t.onResult(res)
		}
		return res, err
	}, statuses)
}

// How long a command that is to end waits for builds and their display: interrupted, it ends within a second.
const (
	failedGrace      = 5 * time.Second
	interruptedGrace = 400 * time.Millisecond
	displayGrace     = 100 * time.Millisecond
)

// wait waits for the builds and for their display, but not for long once the command is interrupted or a build has failed,
// which ends ctx: neither a daemon nor the reader of a pipe need ever answer.
func (s *session) wait(cmdCtx, ctx context.Context, eg panics.Group) error {
	built := make(chan error, 1)
	go func() { built <- eg.Wait() }()
	var err error
	select {
	case err = <-built:
	case <-delayedDone(cmdCtx, interruptedGrace):
		err = s.abandon(ctx)
	case <-delayedDone(ctx, failedGrace):
		err = s.abandon(ctx)
	}
	select {
	case <-s.progress.Done():
	case <-delayedDone(cmdCtx, interruptedGrace+2*displayGrace):
	}
	return err
}

func (s *session) abandon(ctx context.Context) error {
	time.AfterFunc(displayGrace, s.cancelDisplay)
	return context.Cause(ctx)
}

// delayedDone returns a channel that is closed some time after the end of a context.
func delayedDone(ctx context.Context, d time.Duration) <-chan struct{} {
	done := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(d, func() { close(done) }) })
	return done
}
