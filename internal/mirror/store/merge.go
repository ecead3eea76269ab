package store

import (
	"context"

	"lambdabase/internal/document"
	"lambdabase/internal/mirror"
	"lambdabase/internal/panics"

	"github.com/pkg/errors"
)

// mergeAll has each snapshot keep what the mirror has of its commit: platforms that aren't asked for today.
func (m *Mirror) mergeAll(ctx context.Context, wanted []Wanted) ([]Wanted, error) {
	merged := make([]Wanted, len(wanted))
	eg, ctx := panics.WithContext(ctx)
	eg.SetLimit(concurrentChecks)
	for i, w := range wanted {
		eg.Go(func() error {
			s, err := m.merge(ctx, w.Snapshot)
			merged[i] = Wanted{s, w.Latest}
			return err
		})
	}
	return merged, eg.Wait()
}

func (m *Mirror) merge(ctx context.Context, s *Snapshot) (*Snapshot, error) {
	tag, err := mirror.Tag(s.Runtime, s.Commit)
	if err != nil {
		return nil, err
	}
	there, err := m.Snapshot(ctx, tag)
	var refused *registryError
	switch {
	case errors.As(err, &refused):
		return nil, err
	case err != nil: // there is none, or one that has to be made again
		return s, nil
	}
	return union(there, s)
}

// union returns a snapshot with the platforms of both: one of the two where that has them all.
func union(there, s *Snapshot) (*Snapshot, error) {
	both := *s.Snapshot
	both.Platforms = nil
	for _, name := range []string{"linux/amd64", "linux/arm64"} {
		for _, d := range []*document.Snapshot{s.Snapshot, there.Snapshot} {
			if p := d.FindName(name); p != nil {
				both.Platforms = append(both.Platforms, *p)
				break
			}
		}
	}
	if len(both.Platforms) == len(s.Platforms) || both.Validate() != nil {
		return s, nil
	}
	made, err := NewSnapshot(&both)
	if err == nil && made.Digest() == there.Digest() {
		return there, nil
	}
	return made, err
}
