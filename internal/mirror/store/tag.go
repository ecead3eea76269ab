package store

import (
	"bytes"
	"context"

	"github.com/pkg/errors"
)

// tagSnapshot writes a snapshot's image, and its tags: the commit's first.
func (p *push) tagSnapshot(ctx context.Context, w Wanted) (latest bool, err error) {
	if err := p.pushImage(ctx, w.image, tagOf(w.Snapshot.Snapshot)); err != nil {
		return false, err
	}
	if latest, err = p.isLatest(ctx, w); err != nil || !latest {
		return latest, err
	}
	return true, p.pushTag(ctx, w.image, w.Runtime)
}

// isLatest reports whether a snapshot is what its runtime's own tag has to name.
func (m *Mirror) isLatest(ctx context.Context, w Wanted) (bool, error) {
	if w.Latest != LatestIfNewer {
		return w.Latest == LatestAlways, nil
	}
	named, err := m.Snapshot(ctx, w.Runtime)
	var refused *registryError
	if errors.As(err, &refused) {
		return false, err
	}
	return err != nil || !named.Date.After(w.Date), nil
}

// pushImage writes an image whose layers are there.
func (m *Mirror) pushImage(ctx context.Context, i image, tag string) error {
	found, err := m.exists(ctx, i.config.Descriptor)
	if err == nil && !found {
		err = m.push(ctx, i.config.Descriptor, bytes.NewReader(i.config.content))
	}
	if err == nil {
		err = m.pushTag(ctx, i, tag)
	}
	return errors.Wrap(err, m.ref(tag))
}

// pushTag has a tag name an image, unless it does.
func (m *Mirror) pushTag(ctx context.Context, i image, tag string) error {
	if there, err := m.resolve(ctx, tag); err == nil && there.Digest == i.manifest.Digest {
		if whole, err := m.exists(ctx, i.manifest.Descriptor); err == nil && whole {
			return nil
		}
	}
	return errors.Wrap(m.pushManifest(ctx, i.manifest.Descriptor, i.manifest.content, tag), m.ref(tag))
}
