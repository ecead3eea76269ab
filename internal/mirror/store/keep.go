package store

import (
	"context"
	"slices"
	"strings"
	"sync"

	"lambdabase/internal/panics"

	"github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
)

// Kept is what became of older snapshots.
type Kept struct {
	Removed []string // tags
	Named   []string // tags of older snapshots that stay, as another tag names the same
	Freed   int64    // bytes; of a registry, what its garbage collection is to free isn't known
}

// Keep leaves of each runtime the newest commits, by their dates, and what the runtime's own tag names. Other snapshots go.
func (m *Mirror) Keep(ctx context.Context, runtimes []string, n int) (Kept, error) {
	var k Kept
	_, commits, err := m.Tags(ctx)
	if err != nil {
		return k, err
	}
	var older []*Snapshot
	for _, runtime := range runtimes {
		found, err := m.older(ctx, runtime, commits[runtime], n)
		if err != nil {
			return k, err
		}
		older = append(older, found...)
	}
	if len(older) > 0 {
		if err := m.removeAll(ctx, older, &k); err != nil {
			return k, err
		}
	}
	k.Freed, err = m.sweep(ctx)
	return k, errors.Wrap(err, m.String())
}

// older returns the snapshots that go.
func (m *Mirror) older(ctx context.Context, runtime string, tags []string, n int) ([]*Snapshot, error) {
	if len(tags) <= n {
		return nil, nil
	}
	all, err := m.Snapshots(ctx, tags)
	if err != nil {
		return nil, err
	}
	latest, err := m.resolve(ctx, runtime)
	if err != nil && !IsNotFound(err) {
		return nil, err
	}
	slices.SortFunc(all, func(a, b *Snapshot) int {
		if c := b.Date.Compare(a.Date); c != 0 {
			return c
		}
		return strings.Compare(a.Commit, b.Commit)
	})
	all = all[min(n, len(all)):]
	return slices.DeleteFunc(all, func(s *Snapshot) bool { return s.Digest() == latest.Digest }), nil
}

// removeAll removes snapshots, unless a tag that stays names one of them: most registries remove it with the manifest.
func (m *Mirror) removeAll(ctx context.Context, older []*Snapshot, k *Kept) error {
	removed := map[string]bool{}
	for _, s := range older {
		removed[tagOf(s.Snapshot)] = true
	}
	staying, err := m.digestsBut(ctx, removed)
	if err != nil {
		return err
	}
	for _, s := range older {
		tag := tagOf(s.Snapshot)
		if staying[s.Digest()] {
			k.Named = append(k.Named, tag)
			continue
		}
		if err := m.remove(ctx, s.image.manifest.Descriptor, tag); err != nil {
			return errors.Wrapf(err, "remove %s", m.ref(tag))
		}
		k.Removed = append(k.Removed, tag)
	}
	return nil
}

// digestsBut returns what all other tags name.
func (m *Mirror) digestsBut(ctx context.Context, but map[string]bool) (map[digest.Digest]bool, error) {
	all, err := m.tags(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	named := map[digest.Digest]bool{}
	eg, ctx := panics.WithContext(ctx)
	eg.SetLimit(concurrentChecks)
	for _, tag := range all {
		if but[tag] {
			continue
		}
		eg.Go(func() error {
			desc, err := m.resolve(ctx, tag)
			if IsNotFound(err) { // somebody else has removed it
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			named[desc.Digest] = true
			return err
		})
	}
	return named, eg.Wait()
}
