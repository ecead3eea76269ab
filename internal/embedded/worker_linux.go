package embedded

import (
	"context"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/diff/apply"
	ctdmetadata "github.com/containerd/containerd/v2/core/metadata"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/containerd/v2/plugins/diff/walking"
	"github.com/containerd/platforms"
	"github.com/moby/buildkit/cache/metadata"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/cmd/buildkitd/config"
	"github.com/moby/buildkit/executor/resources"
	containerdsnapshot "github.com/moby/buildkit/snapshot/containerd"
	"github.com/moby/buildkit/util/disk"
	"github.com/moby/buildkit/util/leaseutil"
	"github.com/moby/buildkit/version"
	"github.com/moby/buildkit/worker/base"
	"github.com/moby/buildkit/worker/label"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	bolt "go.etcd.io/bbolt"
)

// namespace of BuildKit in containerd's databases.
const namespace = "buildkit"

// newWorker returns what buildkitd makes of containerd's parts for its OCI worker, less what lambdabase has no use for.
func newWorker(ctx context.Context, b *BuildKit, o Options, hosts docker.RegistryHosts) (*base.Worker, error) {
	r := b.dir
	monitor, err := resources.NewMonitor()
	if err != nil {
		return nil, errors.WithStack(err)
	}
	exec, err := newExecutor(o, r.join(runSubdir), monitor)
	if err != nil {
		return nil, err
	}
	store, err := openStore(ctx, r, &b.closers)
	if err != nil {
		return nil, err
	}
	md, err := openMetadata(r.join(cacheSubdir, metadataDB), &b.closers)
	if err != nil {
		return nil, err
	}
	id, err := base.ID(r.join(cacheSubdir))
	if err != nil {
		return nil, errors.WithStack(err)
	}
	content := containerdsnapshot.NewContentStore(store.ContentStore(), namespace)
	w, err := base.NewWorker(ctx, base.WorkerOpt{
		ID:               id,
		Root:             r.join(cacheSubdir),
		Labels:           map[string]string{label.Executor: "oci", label.Snapshotter: r.snapshotter, label.Network: "host"},
		Platforms:        []ocispecs.Platform{platforms.Normalize(platforms.DefaultSpec())},
		GCPolicy:         gcPolicy(r.path, o.ExternalUsage),
		BuildkitVersion:  client.BuildkitVersion{Package: version.Package, Version: version.Version, Revision: version.Revision},
		NetworkProviders: networks(),
		Executor:         exec,
		Snapshotter:      containerdsnapshot.NewSnapshotter(r.snapshotter, store.Snapshotter(r.snapshotter), namespace, nil),
		ContentStore:     content,
		Applier:          apply.NewFileSystemApplier(content),
		Differ:           walking.NewWalkingDiff(content),
		RegistryHosts:    hosts,
		LeaseManager:     leaseutil.WithNamespace(ctdmetadata.NewLeaseManager(store.DB), namespace),
		GarbageCollect:   store.GarbageCollect,
		MetadataStore:    md,
		MountPoolRoot:    r.join(runSubdir, "cachemounts"),
		ResourceMonitor:  monitor,
	})
	if err != nil {
		return nil, errors.Wrap(err, "worker")
	}
	trackGit(w, &b.outcome)
	if err := guardHTTP(w, o.ObjectSizes); err != nil {
		return nil, err
	}
	repairRepositories(ctx, w.CacheMgr, r.gitFailed)
	if r.unclean {
		if err := releaseHistory(ctx, w.LeaseManager()); err != nil {
			return nil, errors.Wrap(err, "history of builds")
		}
		if err := releaseUnrecorded(ctx, w.LeaseManager(), md); err != nil {
			return nil, errors.Wrap(err, "records of the cache")
		}
		b.outcome.collecting.Store(true)
		go store.collectGarbage(context.WithoutCancel(ctx), &b.outcome)
	}
	return w, nil
}

// containerdDB has blobs and layers.
type containerdDB struct {
	*ctdmetadata.DB
	snapshotter string
}

// openStore opens containerd's store of blobs and layers.
func openStore(ctx context.Context, r *cacheDir, c *closers) (*containerdDB, error) {
	snapshotter, err := newSnapshotter(r.snapshotter, r.join(cacheSubdir, filepath.Dir(snapshotDB)))
	if err != nil {
		return nil, errors.Wrap(err, "snapshotter")
	}
	c.add(snapshotter.Close)
	dir := r.join(cacheSubdir, "content")
	if r.unclean { // also what has no name yet, which containerd (v2.3) keeps for ever
		if err := os.RemoveAll(filepath.Join(dir, "ingest")); err != nil {
			return nil, errors.Wrap(err, "half-written blobs")
		}
	}
	blobs, err := local.NewStore(dir)
	if err != nil {
		return nil, errors.Wrap(err, "blobs")
	}
	db, err := bolt.Open(r.join(cacheSubdir, contentDB), 0o600, boltOptions())
	if err != nil {
		return nil, errors.Wrap(err, "database")
	}
	c.add(db.Close)
	s := &containerdDB{
		DB:          ctdmetadata.NewDB(db, blobs, map[string]snapshots.Snapshotter{r.snapshotter: snapshotter}),
		snapshotter: r.snapshotter,
	}
	return s, errors.Wrap(s.Init(ctx), "database")
}

func openMetadata(path string, c *closers) (*metadata.Store, error) {
	md, err := metadata.NewStore(path)
	if err != nil {
		return nil, err
	}
	c.add(md.Close)
	if db, ok := md.DB().(*bolt.DB); ok {
		db.NoSync = true // a third of the time of a small build, where the disk is slow; see [boltOptions]
	}
	return md, nil
}

// gcPolicy returns buildkitd's default one, less what is used beside the cache.
func gcPolicy(root string, externalUsage int64) []client.PruneInfo {
	stat, _ := disk.GetDiskStat(root) // of unknown size: 2 GB
	var policy []client.PruneInfo
	for _, rule := range config.DefaultGCPolicy(config.GCConfig{}, stat) {
		policy = append(policy, client.PruneInfo{
			Filter:        rule.Filters,
			All:           rule.All,
			KeepDuration:  rule.KeepDuration.Duration,
			ReservedSpace: rule.ReservedSpace.AsBytes(stat),
			MaxUsedSpace:  subtractUsage(rule.MaxUsedSpace.AsBytes(stat), externalUsage),
			MinFreeSpace:  rule.MinFreeSpace.AsBytes(stat),
		})
	}
	return policy
}

// subtractUsage leaves no limit what it is, and a limit one.
func subtractUsage(limit, used int64) int64 {
	if limit == 0 {
		return 0
	}
	return max(1, limit-used)
}
