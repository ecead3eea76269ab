package frontend

import (
	"context"
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
func (a *assembler) checkSize(ctx context.Context, l *pendingLayer) error {
	if !a.mayDiffer(l.Origin) || len(a.bc.CacheImports) > 0 {
		return nil
	}
	size, ok := a.sizeOf(ctx, l.Attempt)
	if l.sizeUnknown = !ok; !ok || size == l.Size {
		return nil
	}
	return wrapSource(a.sizeError(l.Layer, layerLabel(l.Layer)+" has", size), a.plan.Recipe, l.Lines...)
}

// mayDiffer tells whether an object that the daemon has may have another size than is said of it. The client's store, and a step,
// compare the two when they fetch; but the cache key of a blob of the store has no size, as that of a step has. So where a file
// says the size that anybody can change, it is looked at.
func (a *assembler) mayDiffer(origin lambda2llb.Origin) bool {
	switch origin.(type) {
	case lambda2llb.HTTPOrigin, lambda2llb.BlobOrigin:
		return true
	case lambda2llb.LFSOrigin:
		return a.stored && a.plan.Lock != ""
	}
	return false
}

// sizeError is an object that was found with another size; found is what was.
func (a *assembler) sizeError(l lambda2llb.Layer, found string, size int64) error {
	if a.plan.Lock == "" {
		return errors.Errorf("%s %d bytes: its pointer says %d", found, size, l.Size)
	}
	return errors.Errorf("%s %d bytes: %s", found, size, lockedSizeHint(a.plan, l.Size))
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
