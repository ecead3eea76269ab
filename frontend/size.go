package frontend

import (
	"context"
	"fmt"
	"sync"
	"time"

	"lambdabase/internal/lfs"
	"lambdabase/llb/lambda2llb"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
)

const (
	sizeLimit = 10 * time.Second // for the size of an object
	sizeRate  = 1 << 20          // bytes a second, if it has to be fetched for that
)

// checkSize compares an object that came from its URL, or as a blob, with its pointer: BuildKit verifies the sha256 alone. What the daemon
// has just fetched, or still has, tells its size at once. Where a cache is imported the object may not be there though its
// layer is, and fetching it for its size would undo what the import is for; so then, and where it can't be had any more, it
// isn't asked for.
func (a *assembler) checkSize(ctx context.Context, l lambda2llb.Attempt) error {
	switch l.Origin.(type) {
	case lambda2llb.HTTPOrigin, lambda2llb.BlobOrigin:
	default: // it was checked where it was fetched
		return nil
	}
	if len(a.bc.CacheImports) > 0 {
		return nil
	}
	size, ok := a.sizeOf(ctx, l)
	if !ok || size == l.Size {
		return nil
	}
	return wrapSource(errors.Errorf("%s has %d bytes: %s", layerLabel(l.Layer), size, a.pointerSays(l.Size)), a.plan.Recipe, l.Lines...)
}

func (a *assembler) pointerSays(size int64) string {
	if a.plan.Lock == "" {
		return fmt.Sprintf("its pointer says %d", size)
	}
	return fmt.Sprintf("%s says %d of it, which it can't have of commit %s: lock it anew (lambdabase lock --update %s)", a.plan.Lock, size, a.plan.Commit, a.plan.Runtime)
}

func (a *assembler) sizeOf(ctx context.Context, l lambda2llb.Attempt) (size int64, ok bool) {
	ctx, cancel := withTimeout(ctx, sizeLimit+time.Duration(l.Size/sizeRate)*time.Second)
	defer cancel()
	ref, err := a.solve(ctx, a.convert.Fetch(l), a.plan.Platform, false)
	if err != nil {
		return 0, false
	}
	st, err := ref.StatFile(ctx, gateway.StatRequest{Path: "/" + l.ArchiveName()})
	if err != nil {
		return 0, false
	}
	return st.Size, true
}

// pointerSizes are what the pointers of a commit say of objects.
type pointerSizes struct {
	mu    sync.Mutex
	first map[string]lfs.Object
}

// add fails where another pointer says something else of the same object.
func (s *pointerSizes) add(o lfs.Object) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, known := s.first[o.OID]
	if known && first.Size != o.Size {
		return errors.Errorf("object sha256:%s has %d bytes by the pointer %s, and %d by %s", o.OID, o.Size, o.Path, first.Size, first.Path)
	}
	if s.first == nil {
		s.first = map[string]lfs.Object{}
	}
	if !known {
		s.first[o.OID] = o
	}
	return nil
}
