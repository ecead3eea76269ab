package transfer

import (
	"context"
	"os"
	"regexp"
	"slices"
	"sync"

	"lambdabase/internal/lfs"
	"lambdabase/internal/panics"

	"github.com/pkg/errors"
)

var oidPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Fetch makes dir hold each object as a file named by its oid, verified. What is there already is verified too, and
// fetched only if it is wrong. A download that breaks off goes on from where it stopped, in this call or in a later one.
// Any number of processes may do so in one folder at the same time.
//
// All objects that fail are in the *[ObjectsError].
func (c *Client) Fetch(ctx context.Context, dir string, objects []lfs.Object) error {
	r := newResults(objects)
	s := c.newSession(dir, r.objects)
	defer s.close()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return errors.Wrap(err, "folder of LFS objects")
	}
	missing := s.missing(ctx, r)
	for page := range slices.Chunk(missing, batchSize) {
		// Page by page, as what servers sign lasts for minutes only.
		transfers, f := s.ask(ctx, page)
		if f != nil {
			// What the server says to one page it would say to all.
			r.failAll(missing[slices.Index(missing, page[0]):], f)
			break
		}
		s.forEach(r, page, func(o lfs.Object) {
			first := transfers[o.OID]
			r.fail(o, s.downloadObject(ctx, o, &first))
		})
	}
	if ctx.Err() != nil {
		return errors.Wrap(context.Cause(ctx), "LFS objects")
	}
	return r.err()
}

// missing are the objects that the server has to be asked for.
func (s *session) missing(ctx context.Context, r *results) []lfs.Object {
	var mu sync.Mutex
	absent := map[string]bool{}
	s.forEach(r, r.distinct(), func(o lfs.Object) {
		switch found, err := hasObject(ctx, s.dir, o.Pointer); {
		case err != nil:
			r.fail(o, s.diskFailure(ctx, unusable(ctx, err)))
		case found:
			s.newMeter(o).complete(true)
		case o.Size == 0:
			r.fail(o, s.downloadObject(ctx, o, nil)) // there is nothing to ask for
		default:
			mu.Lock()
			defer mu.Unlock()
			absent[o.OID] = true
		}
	})
	return slices.DeleteFunc(r.distinct(), func(o lfs.Object) bool { return !absent[o.OID] })
}

// forEach does something for all objects, for so many at a time as the limits allow. A panic is a failure of the object.
func (s *session) forEach(r *results, objects []lfs.Object, do func(lfs.Object)) {
	g := panics.NewGroup()
	g.SetLimit(s.limits.ConcurrentTransfers)
	for _, o := range objects {
		g.Go(func() error {
			if err := panics.Do(func() error { do(o); return nil }); err != nil {
				r.fail(o, &failure{Error: &Error{Kind: Protocol, Err: err}})
			}
			return nil
		})
	}
	_ = g.Wait()
}

// results are what became of the objects, each of which is fetched once however often it was asked for.
type results struct {
	order   []string
	objects map[string]lfs.Object
	mu      sync.Mutex
	failed  map[string]*Error
}

func newResults(objects []lfs.Object) *results {
	r := &results{objects: map[string]lfs.Object{}, failed: map[string]*Error{}}
	for _, o := range objects {
		first, twice := r.objects[o.OID]
		if !twice {
			r.order = append(r.order, o.OID)
			r.objects[o.OID] = o
		}
		if err := validateObject(o); err != nil {
			r.fail(o, &failure{Error: &Error{Kind: Protocol, Err: err}})
		} else if twice && first.Size != o.Size {
			err := errors.Errorf("two pointers to it, of %d and of %d bytes", first.Size, o.Size)
			r.fail(o, &failure{Error: &Error{Kind: Protocol, Err: err}})
		}
	}
	return r
}

// validateObject says why there can't be such an object. An oid becomes the name of a file.
func validateObject(o lfs.Object) error {
	switch {
	case !oidPattern.MatchString(o.OID):
		return errors.New("the oid is no sha256")
	case o.Size < 0 || o.Size > lfs.MaxObjectSize:
		return errors.Errorf("a size of %d bytes", o.Size)
	}
	return o.Validate()
}

// distinct are the objects that may be had, in order.
func (r *results) distinct() []lfs.Object {
	r.mu.Lock()
	defer r.mu.Unlock()
	var objects []lfs.Object
	for _, oid := range r.order {
		if r.failed[oid] == nil {
			objects = append(objects, r.objects[oid])
		}
	}
	return objects
}

func (r *results) fail(o lfs.Object, f *failure) {
	if f == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	f.OID, f.Path = truncate(oneLine(o.OID)), truncate(oneLine(o.Path))
	r.failed[o.OID] = f.Error
}

// failAll is one failure for all of the objects.
func (r *results) failAll(objects []lfs.Object, f *failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range objects {
		r.failed[o.OID] = f.Error
	}
	if f.Objects = len(objects); f.Objects == 1 {
		f.OID, f.Path = objects[0].OID, truncate(oneLine(objects[0].Path))
	}
}

func (r *results) err() error {
	var all []error
	for _, oid := range r.order {
		if e := r.failed[oid]; e != nil && !slices.Contains(all, error(e)) {
			all = append(all, e)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return &ObjectsError{Errors: all}
}
