package main

import (
	"context"

	"lambdabase/frontend"
	"lambdabase/internal/contentstore"
	"lambdabase/internal/document"
	"lambdabase/internal/lfsstore"
	"lambdabase/internal/mirror"
	"lambdabase/internal/mirror/store"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/opencontainers/go-digest"
)

// layout is a mirror in an OCI layout, as the frontend reads one.
type layout struct{ *store.Mirror }

func openLayout(ctx context.Context, dir string) (frontend.Layout, error) {
	m, err := store.Open(ctx, mirror.Location{Layout: dir}, store.Options{})
	return layout{m}, err
}

func (l layout) Snapshot(ctx context.Context, tag string) (*document.Snapshot, digest.Digest, error) {
	s, err := l.Mirror.Snapshot(ctx, tag)
	if err != nil {
		return nil, "", err
	}
	return s.Snapshot, s.Digest(), nil
}

// contentStores are those that the daemon may ask for blobs.
func (s *session) contentStores() map[string]content.Store {
	stores := map[string]content.Store{lfsstore.StoreID: s.store}
	if s.layoutDir != "" {
		stores[mirror.StoreID] = contentstore.NewLayout(s.layoutDir)
	}
	return stores
}
