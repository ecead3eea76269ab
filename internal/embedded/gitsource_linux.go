package embedded

import (
	"context"
	"sync/atomic"

	"github.com/moby/buildkit/cache"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/source"
	gitsource "github.com/moby/buildkit/source/git"
	"github.com/moby/buildkit/worker/base"
)

// trackGit has the worker's git source tell whether what it did in its repositories succeeded.
func trackGit(w *base.Worker, o *buildTracker) {
	if w.GitSource != nil { // else there is no git
		w.SourceManager.Register(gitSource{w.GitSource, &o.pendingGit})
	}
}

// gitSource is BuildKit's, which counts what is begun and not done.
type gitSource struct {
	*gitsource.Source
	pending *atomic.Int64
}

func (s gitSource) Resolve(ctx context.Context, id source.Identifier, sm *session.Manager, vtx solver.Vertex) (source.SourceInstance, error) {
	i, err := s.Source.Resolve(ctx, id, sm, vtx)
	return gitInstance{i, s.pending}, err
}

// gitInstance is one commit to be checked out. Its cache key is asked for in a repository that is made for that.
type gitInstance struct {
	source.SourceInstance
	pending *atomic.Int64
}

func (i gitInstance) Snapshot(ctx context.Context, job solver.JobContext) (cache.ImmutableRef, error) {
	i.pending.Add(1)
	ref, err := i.SourceInstance.Snapshot(ctx, job)
	if err == nil {
		i.pending.Add(-1)
	}
	return ref, err
}
