package store

import (
	"context"
	"sync"
	"sync/atomic"

	"lambdabase/internal/lfs"
	"lambdabase/internal/panics"

	"github.com/pkg/errors"
)

// How many blobs are looked for, and copied, at a time.
const (
	concurrentChecks = 16
	concurrentCopies = 6
)

// Latest says whether a snapshot is what its runtime's own tag names.
type Latest int

// The three answers.
const (
	NeverLatest   Latest = iota // it stands beside what that names
	LatestIfNewer               // unless that names one with a later date
	LatestAlways
)

// Wanted is a snapshot that a mirror is to have.
type Wanted struct {
	*Snapshot
	Latest Latest
}

// Progress is told how objects get on, by several goroutines at once.
type Progress interface {
	// Plan is called once it is known which objects are missing.
	Plan(missing []lfs.Object)
	// Bytes have moved into the mirror; a negative number is of those that have to be moved again.
	Bytes(o lfs.Object, n int64)
	// Arrived is called for each missing object in the end; copied is false where the registry had it in another repository.
	Arrived(o lfs.Object, copied bool)
}

// Result is what became of a wanted snapshot.
type Result struct {
	*Snapshot
	Tag          string // of its commit
	Latest       bool   // the runtime's own tag names it
	Moved, Found Amount // objects that were missing, and that were there or moved for a snapshot before it
	Err          error
}

// Amount is a number of objects, and their bytes.
type Amount struct {
	Objects int
	Bytes   int64
}

func (a *Amount) add(o lfs.Object) {
	a.Objects++
	a.Bytes += o.Size
}

// Push brings snapshots into the mirror. What keeps one from it doesn't keep the others; the error is of what does.
func (m *Mirror) Push(ctx context.Context, source Source, wanted []Wanted, progress Progress) ([]Result, error) {
	wanted, err := m.mergeAll(ctx, wanted)
	if err != nil {
		return nil, err
	}
	missing, err := m.missing(ctx, wanted)
	if err != nil {
		return nil, err
	}
	p := &push{Mirror: m, source: source, progress: progress, objects: map[string]*pushedObject{}}
	for _, o := range missing {
		p.objects[o.OID] = &pushedObject{done: make(chan struct{})}
	}
	progress.Plan(missing)
	return p.run(ctx, missing, wanted)
}

// missing returns the distinct objects that the mirror lacks, in the order of the snapshots.
func (m *Mirror) missing(ctx context.Context, wanted []Wanted) (missing []lfs.Object, err error) {
	var all []lfs.Object
	seen := map[string]bool{}
	for _, w := range wanted {
		for _, o := range w.Objects() {
			if !seen[o.OID] {
				seen[o.OID] = true
				all = append(all, o)
			}
		}
	}
	found := make([]bool, len(all))
	eg, ctx := panics.WithContext(ctx)
	eg.SetLimit(concurrentChecks)
	for i, o := range all {
		eg.Go(func() (err error) {
			found[i], err = m.exists(ctx, objectBlob(o))
			return errors.Wrap(err, o.Path)
		})
	}
	if err := eg.Wait(); err != nil {
		return nil, err
	}
	for i, o := range all {
		if !found[i] {
			missing = append(missing, o)
		}
	}
	return missing, nil
}

// push is one call of Push.
type push struct {
	*Mirror
	source   Source
	progress Progress
	objects  map[string]*pushedObject // that were missing, by oid
}

// pushedObject is one that is on its way until done is closed.
type pushedObject struct {
	done chan struct{}
	err  error
}

func (p *push) run(parent context.Context, missing []lfs.Object, wanted []Wanted) ([]Result, error) {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	var wg sync.WaitGroup
	wg.Go(func() { p.copyAll(ctx, cancel, missing) })
	results := make([]Result, len(wanted))
	for i, w := range wanted {
		wg.Go(func() { results[i] = p.finish(ctx, cancel, w) })
	}
	wg.Wait()
	p.count(results)
	if err := context.Cause(ctx); err != nil {
		return results, err
	}
	return results, nil
}

// count says of each snapshot which objects were moved for it, and which were there. One of several snapshots moved once, for the first.
func (p *push) count(results []Result) {
	counted := map[string]bool{}
	for i := range results {
		r := &results[i]
		if r.Err != nil {
			continue
		}
		for _, o := range r.Objects() {
			if p.objects[o.OID] == nil || counted[o.OID] {
				r.Found.add(o)
				continue
			}
			counted[o.OID] = true
			r.Moved.add(o)
		}
	}
}

// copyAll copies what is missing. A fault of the mirror ends it all. One of the source is of that object alone, until so many
// fail in a row that there is more to it: each takes its time to fail.
func (p *push) copyAll(ctx context.Context, cancel context.CancelCauseFunc, missing []lfs.Object) {
	eg := panics.NewGroup()
	var failedInARow atomic.Int32
	eg.SetLimit(concurrentCopies)
	for _, o := range missing {
		eg.Go(func() error {
			pushed := p.objects[o.OID]
			defer close(pushed.done)
			copied, err := p.copyObject(ctx, p.source, o, func(n int64) { p.progress.Bytes(o, n) })
			pushed.err = err
			var source *sourceError
			switch {
			case err == nil:
				failedInARow.Store(0)
				p.progress.Arrived(o, copied)
			case !errors.As(err, &source), failedInARow.Add(1) > concurrentCopies:
				cancel(err)
			}
			return nil
		})
	}
	_ = eg.Wait()
}

// finish waits for a snapshot's objects, and tags it.
func (p *push) finish(ctx context.Context, cancel context.CancelCauseFunc, w Wanted) Result {
	r := Result{Snapshot: w.Snapshot, Tag: tagOf(w.Snapshot.Snapshot)}
	for _, o := range w.Objects() {
		pushed := p.objects[o.OID]
		if pushed == nil {
			continue
		}
		<-pushed.done
		if pushed.err != nil {
			r.Err = errors.WithMessage(pushed.err, w.Runtime)
			return r
		}
	}
	if r.Err = ctx.Err(); r.Err == nil {
		if r.Latest, r.Err = p.tagSnapshot(ctx, w); r.Err != nil {
			r.Err = errors.WithMessage(r.Err, w.Runtime)
			cancel(r.Err)
		}
	}
	return r
}
