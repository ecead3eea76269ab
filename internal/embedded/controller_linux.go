package embedded

import (
	"context"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/moby/buildkit/cache/remotecache"
	"github.com/moby/buildkit/cache/remotecache/inline"
	"github.com/moby/buildkit/cache/remotecache/local"
	"github.com/moby/buildkit/cache/remotecache/registry"
	"github.com/moby/buildkit/cmd/buildkitd/config"
	"github.com/moby/buildkit/control"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/solver/bboltcachestorage"
	"github.com/moby/buildkit/util/db/boltutil"
	"github.com/moby/buildkit/util/resolver"
	"github.com/moby/buildkit/worker"
	"github.com/moby/buildkit/worker/base"
	"github.com/pkg/errors"
	"go.opentelemetry.io/otel/metric/noop"
)

// newController returns BuildKit with one worker and no frontends: clients bring theirs. b.stopping ends what it does by
// itself.
func newController(ctx context.Context, b *BuildKit, o Options) (*control.Controller, error) {
	sessions, err := session.NewManager()
	if err != nil {
		return nil, errors.WithStack(err)
	}
	hosts := resolver.NewRegistryConfig(nil) // plain http on this machine, https elsewhere
	w, err := newWorker(ctx, b, o, hosts)
	if err != nil {
		return nil, err
	}
	b.cache = w.CacheMgr
	workers := &worker.Controller{}
	if err := workers.Add(w); err != nil {
		return nil, errors.WithStack(err)
	}
	results, err := bboltcachestorage.NewStore(b.dir.join(cacheSubdir, solverDB))
	if err != nil {
		return nil, errors.Wrap(err, "database")
	}
	b.closers.add(results.Close)
	opt := control.Opt{
		SessionManager:   sessions,
		WorkerController: workers,
		CacheManager:     solver.NewCacheManager(ctx, "local", results, worker.NewCacheResultStorage(workers)),
		CacheStore:       results,
		LeaseManager:     w.LeaseManager(),
		ContentStore:     w.ContentStore(),
		GarbageCollect:   w.GarbageCollect,
		GracefulStop:     b.stopping,
		MeterProvider:    noop.NewMeterProvider(),
	}
	remoteCaches(&opt, w, hosts)
	if err := noHistory(&opt, b.dir, &b.closers); err != nil {
		return nil, err
	}
	ctl, err := control.NewController(opt)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	b.closers.add(ctl.Close) // closes some of the databases too, which may be done twice
	return ctl, nil
}

// remoteCaches are those without the client library of a cloud.
func remoteCaches(opt *control.Opt, w *base.Worker, hosts docker.RegistryHosts) {
	sessions := opt.SessionManager
	opt.ResolveCacheExporterFuncs = map[string]remotecache.ResolveCacheExporterFunc{
		"registry": registry.ResolveCacheExporterFunc(sessions, hosts),
		"local":    local.ResolveCacheExporterFunc(sessions),
		"inline":   inline.ResolveCacheExporterFunc(),
	}
	opt.ResolveCacheImporterFuncs = map[string]remotecache.ResolveCacheImporterFunc{
		"registry": registry.ResolveCacheImporterFunc(sessions, w.ContentStore(), hosts),
		"local":    local.ResolveCacheImporterFunc(sessions),
	}
}

// noHistory keeps no record of builds, for which BuildKit wants a database nevertheless.
func noHistory(opt *control.Opt, r *cacheDir, c *closers) error {
	db, err := boltutil.SafeOpen(r.join(cacheSubdir, historyDB), 0o600, boltOptions())
	if err != nil {
		return errors.Wrap(err, "database")
	}
	c.add(db.Close)
	none := int64(0)
	opt.HistoryDB = db
	opt.HistoryConfig = &config.HistoryConfig{MaxEntries: &none}
	return nil
}
