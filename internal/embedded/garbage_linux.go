package embedded

import (
	"context"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
	"github.com/moby/buildkit/cache/metadata"
	"github.com/moby/buildkit/util/bklog"
	"github.com/moby/buildkit/util/leaseutil"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// releaseHistory lets go of what a process that was killed wrote of its build's history, of which nothing is kept (see
// [noHistory]). Some leases would end after five minutes; that of a record stays where the record was not written yet
// (v0.33.1, solver/llbsolver/history/buildhistory.go, update).
func releaseHistory(ctx context.Context, lm *leaseutil.Manager) error {
	return deleteLeases(ctx, lm.WithNamespace(namespace+"_history"), nil)
}

// releaseUnrecorded lets go of what no record of the cache has. BuildKit makes a record's lease, and the snapshot, before it
// writes the record, and knows nothing of them where it was killed in between (v0.33.1, cache/manager.go, New).
func releaseUnrecorded(ctx context.Context, lm *leaseutil.Manager, md *metadata.Store) error {
	records, err := md.All()
	if err != nil {
		return err
	}
	recorded := map[string]bool{}
	for _, r := range records {
		recorded[r.ID()] = true
		recorded[r.ID()+"-variants"] = true // of its compression (cache/refs.go, compressionVariantsLeaseID)
	}
	return deleteLeases(ctx, lm, recorded)
}

// deleteLeases deletes all but those with these ids.
func deleteLeases(ctx context.Context, lm *leaseutil.Manager, kept map[string]bool) error {
	all, err := lm.List(ctx)
	if err != nil {
		return err
	}
	for _, l := range all {
		if kept[l.ID] {
			continue
		}
		if err := lm.Delete(ctx, l); err != nil && !errdefs.IsNotFound(err) {
			return err
		}
	}
	return nil
}

// collectGarbage removes what a process that was killed left half made, or half removed: BuildKit has let go of it, but
// collects garbage only after it removes something itself. What is not done when this process ends is the next one's.
func (s *containerdDB) collectGarbage(ctx context.Context, o *buildTracker) {
	err := s.addGarbage(namespaces.WithNamespace(ctx, namespace))
	if _, gcErr := s.GarbageCollect(ctx); err == nil {
		err = gcErr
	}
	if err != nil {
		bklog.L.Warnf("what a process left that was killed: %v", err)
		o.failed.Store(true)
	}
	o.collecting.Store(false)
}

// addGarbage makes a snapshot and a blob that nobody holds. containerd compares its database with what is on the disk only
// where a collection has removed something (v2.4, core/metadata/db.go, dirtySS and dirtyCS).
func (s *containerdDB) addGarbage(ctx context.Context) error {
	const name = "garbage"
	if _, err := s.Snapshotter(s.snapshotter).Prepare(ctx, name, ""); err != nil && !errdefs.IsAlreadyExists(err) {
		return errors.WithStack(err)
	}
	return content.WriteBlob(ctx, s.ContentStore(), name, strings.NewReader(name), ocispecs.Descriptor{})
}
